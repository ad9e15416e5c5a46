"""Quota of a later period: how much of it may be promised, what stands behind it, and who gets what came."""

from __future__ import annotations

from collections.abc import Sequence


def most_promised(*, base_steps: int, most_promised_percent: int, tradeable_percent: int) -> int:
    """How many steps of a later period a budget may promise: the lesser of both percentages of its base."""
    return base_steps * min(most_promised_percent, tradeable_percent) // 100


def forward_collateral(*, lots: int, top_ticks: int) -> int:
    """Micro-USD that back a promise of lots: what they cost at the top of the collar."""
    return lots * top_ticks


def shared_out(total: int, wants: Sequence[int]) -> list[int]:
    """`total` lots in proportion to `wants` by largest remainder, the first of equals first; never above a want.

    If all of `wants` together is no more than `total`, everybody gets all.
    """
    wanted = sum(wants)
    if total >= wanted:
        return list(wants)
    shares = [want * total // wanted for want in wants]
    by_remainder = sorted(range(len(wants)), key=lambda row: (-(wants[row] * total % wanted), row))
    for row in by_remainder[: total - sum(shares)]:
        shares[row] += 1
    return shares


def paired(gives: Sequence[int], takes: Sequence[int]) -> list[tuple[int, int, int]]:
    """Who makes up for whose lack: (giver, taker, lots), the first to the first, until one side is used up."""
    pairs: list[tuple[int, int, int]] = []
    left, taker = list(takes), 0
    for giver, lots in enumerate(gives):
        while lots and taker < len(left):
            part = min(lots, left[taker])
            if part:
                pairs.append((giver, taker, part))
            lots, left[taker] = lots - part, left[taker] - part
            taker += not left[taker]
    return pairs
