"""One level that rises in a flow network: which parties a bottleneck holds, at which level, exactly.

The least cut of a service above what fits splits the parties: those behind it share what crosses it,
at a lower level than the rest (decomposition: Fujishige 1980, Groenevelt 1991). The parts are
settled by themselves until each is held at one level. Levels are fractions, compared exactly; the
cuts are taken in whole parts of a token, as fine as 60 bits allow.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from market.domain.placement.party_network import PartyNetwork, find_cut, free_part, held_part
from market.domain.placement.problem import Flags, Ints

LARGEST_SUPPLY = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a party asks (tokens), its weight and its floor (tokens)."""

    asked: int
    weight: Fraction
    floor: Fraction

    def at(self, level: Fraction) -> Fraction:
        """Its service at a level."""
        return min(Fraction(self.asked), max(self.floor, level * self.weight))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Parties that share `total` tokens at one level: every cell of this part of the network is full."""

    network: PartyNetwork
    level: Fraction
    total: int


def level_of(claims: Sequence[Claim], total: int) -> Fraction:
    """The lowest level from 0 at which the claims come to `total`; the highest of use where they never do."""
    steps = sorted({each for claim in claims for each in _bends(claim)} | {Fraction(0)})

    def sum_at(level: Fraction) -> Fraction:
        return sum((claim.at(level) for claim in claims), Fraction(0))

    above = bisect_left(steps, Fraction(total), key=sum_at)
    if above in (0, len(steps)):
        return steps[min(above, len(steps) - 1)]
    low, high = steps[above - 1], steps[above]
    at_low = sum_at(low)
    return low + (high - low) * (total - at_low) / (sum_at(high) - at_low)


def _bends(claim: Claim) -> tuple[Fraction, ...]:
    return (claim.floor / claim.weight, claim.asked / claim.weight) if claim.weight else ()


def find_floor_scale(network: PartyNetwork, claims: Sequence[Claim], check_time: Callable[[], object]) -> Fraction:
    """The largest factor up to 1 at which all floors, each cut to what is asked, fit. Newton's method on cuts."""
    rising = [Claim(asked=claim.asked, weight=claim.floor, floor=Fraction(0)) for claim in claims]
    scale = Fraction(1)
    while True:
        check_time()
        cut = _cut(network, [rising[party].at(scale) for party in network.party])
        if cut is None:
            return scale
        held = held_part(network, cut)
        lower = level_of([rising[party] for party in held.party], held.exit_tokens)
        if lower >= scale:  # only the rounding of the last cut
            return scale
        scale = lower


def settle(network: PartyNetwork, claims: Sequence[Claim], check_time: Callable[[], object]) -> list[Held]:
    """The parts at whose level each party is held, for a network that all claims together fill."""
    settled, waiting = [], [network]
    while waiting:
        part = waiting.pop()
        if not len(part.party):
            continue
        check_time()
        own = [claims[party] for party in part.party]
        total = part.exit_tokens - part.passing_tokens
        level = level_of(own, total)
        cut = _cut(part, [claim.at(level) for claim in own])
        if cut is None or cut[part.party_node].all():
            settled.append(Held(network=part, level=level, total=total))
        else:
            waiting += [free_part(part, cut), held_part(part, cut)]
    return settled


def _cut(network: PartyNetwork, supply: Sequence[Fraction]) -> Flags | None:
    finest = LARGEST_SUPPLY // (math.ceil(sum(supply)) + network.passing_tokens + 1)
    scale = 1
    for each in supply:
        scale = min(math.lcm(scale, each.denominator), finest)
        if scale == finest:
            break
    return find_cut(network, np.array([math.floor(each * scale) for each in supply], dtype=np.int64), scale)


def whole_tokens(held: Held, claims: Sequence[Claim]) -> Ints:
    """Whole tokens of the parties of a part that come to its total and fit: the largest remainders are rounded up.

    Where they do not fit, the next in order. Among equal remainders the heavier party, then the first, goes first.
    """
    own = [claims[party] for party in held.network.party]
    exact = [claim.at(held.level) for claim in own]
    floors = [math.floor(each) for each in exact]
    order = sorted(range(len(own)), key=lambda at: (floors[at] - exact[at], -own[at].weight))
    # From one below, in case the last cut was a grain too wide: usually all of this is taken back at once.
    tokens = np.array([max(each - 1, 0) for each in floors], dtype=np.int64)
    steps = [at for at in order if floors[at] > 0] + [at for at in order if floors[at] < exact[at]]
    return _grow(held.network, tokens, np.array(steps, dtype=np.int64), held.total - int(tokens.sum()))


def _grow(network: PartyNetwork, tokens: Ints, steps: Ints, missing: int) -> Ints:
    """One token more for each of the steps in their order as far as it fits, `missing` tokens in all."""

    def grown(count: int) -> Ints:
        return tokens + np.bincount(steps[:count], minlength=len(tokens))

    def is_too_much(count: int) -> bool:
        return find_cut(network, grown(count), 1) is not None

    while missing > 0 and len(steps):
        taken = min(missing, len(steps))
        if is_too_much(taken):
            taken = bisect_left(range(taken), True, key=is_too_much) - 1
        tokens, missing, steps = grown(taken), missing - taken, steps[taken + 1 :]
    return tokens
