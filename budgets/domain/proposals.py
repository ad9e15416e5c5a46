"""Other shares of what children have together, from how their past periods went.

The founding documents' rule: 5 points more after more than 3 hours of refusals, 5 points less
below 50 % mean use, each kept within 5 to 50 %, then renormalised. A child that both refused and
was used little gains: it has peaks, and work that was turned away is the greater harm. A child of
which nothing is known keeps its share.

The bounds hold what a proposal may do, not what is: a child that stands below 5 % already goes no
lower, one above 50 % no higher. So there is always an answer, whatever the number of children
(with two, 5 to 50 % would allow nothing but halves; with more than twenty, nothing at all). No
child goes below its floor, nor below what is spent, reserved or promised as its pool now. Within
these limits all shares are scaled by one factor, and whole steps are given to the largest
remainders, so that the sum of the bases is what it was.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from budgets.domain.units import LARGEST_AMOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTerms:
    """The thresholds in force; shares and points in percent of what the children have together."""

    least_percent: float = 5.0
    most_percent: float = 50.0
    step_points: float = 5.0
    many_hours_refused: float = 3.0
    low_use_percent: float = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildHistory:
    """A child now (steps) and over the analysed periods. `mean_use` is spent of limit, 0..1; None unknown.

    `needed` is the least base on which what is spent, reserved and promised still stands.
    """

    budget_id: UUID
    name: str
    base: int
    floor: int
    needed: int
    is_fixed: bool
    period_count: int
    hours_refused: int
    mean_use: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedShare:
    """What is proposed for one child, in steps and as shares 0..1, and why."""

    budget_id: UUID
    name: str
    base_before: int
    base_after: int
    share_before: float
    share_after: float
    explanation: str


def part_of(total: int, percent: float) -> int:
    """So much per cent of `total`, in whole steps, rounded down."""
    return int(Fraction(percent) * total / 100)


def propose_shares(children: Sequence[ChildHistory], terms: ShareTerms) -> list[ProposedShare]:
    """A share for each child, in their order; empty where nothing would change. The sum of bases stays."""
    total = sum(child.base for child in children)
    points = [_points(child, terms) for child in children]
    if not total or not any(points):
        return []
    wanted = [
        Fraction(child.base, total) + Fraction(point) / 100 for child, point in zip(children, points, strict=True)
    ]
    limits = [_limits(child, total, terms) for child in children]
    after = _fit([max(share, Fraction(1, total)) for share in wanted], limits, total)
    if all(base == child.base for base, child in zip(after, children, strict=True)):
        return []
    return [
        ProposedShare(
            budget_id=child.budget_id,
            name=child.name,
            base_before=child.base,
            base_after=base,
            share_before=child.base / total,
            share_after=base / total,
            explanation=_explain(child, point, base, total, terms),
        )
        for child, point, base in zip(children, points, after, strict=True)
    ]


def _points(child: ChildHistory, terms: ShareTerms) -> float:
    """Points that the child's history asks for: more, fewer or none."""
    if child.is_fixed:
        return 0.0
    if child.hours_refused > terms.many_hours_refused:
        return terms.step_points
    if child.mean_use is not None and child.mean_use * 100 < terms.low_use_percent:
        return -terms.step_points
    return 0.0


def _limits(child: ChildHistory, total: int, terms: ShareTerms) -> tuple[int, int]:
    """The least and the most steps that a proposal may give the child; what it has lies between."""
    if child.is_fixed:
        return child.base, child.base
    least = max(part_of(total, terms.least_percent), child.floor, child.needed)
    most = min(part_of(total, terms.most_percent), LARGEST_AMOUNT)
    return min(child.base, least), max(child.base, most)


def _fit(wanted: Sequence[Fraction], limits: Sequence[tuple[int, int]], total: int) -> list[int]:
    """Whole steps within the limits that add up to `total`, as near to one multiple of `wanted` as can be."""
    factor = _factor(wanted, limits, total)
    exact = [_clamp(share * factor, least, most) for share, (least, most) in zip(wanted, limits, strict=True)]
    steps = [int(each) for each in exact]
    order = sorted(range(len(steps)), key=lambda index: (steps[index] - exact[index], index))
    missing = total - sum(steps)
    for index in order[:missing]:
        steps[index] += 1
    return steps


def _factor(wanted: Sequence[Fraction], limits: Sequence[tuple[int, int]], total: int) -> Fraction:
    """The factor at which the clamped shares add up to `total`, exact.

    Their sum grows with the factor, in straight pieces between the factors at which a share meets a
    limit: find the piece that passes `total`, and solve within it.
    """
    bends = sorted({edge / share for share, pair in zip(wanted, limits, strict=True) for edge in pair})
    found = bisect_left(bends, Fraction(total), key=lambda bend: _sum_at(bend, wanted, limits))
    before, bend = (bends[found - 1] if found else Fraction(0)), bends[found]
    below, reached = _sum_at(before, wanted, limits), _sum_at(bend, wanted, limits)
    return bend if reached == below else before + (bend - before) * (total - below) / (reached - below)


def _sum_at(factor: Fraction, wanted: Sequence[Fraction], limits: Sequence[tuple[int, int]]) -> Fraction:
    return sum((_clamp(share * factor, *pair) for share, pair in zip(wanted, limits, strict=True)), Fraction(0))


def _clamp(value: Fraction, least: int, most: int) -> Fraction:
    return min(max(value, Fraction(least)), Fraction(most))


def _explain(child: ChildHistory, points: float, base: int, total: int, terms: ShareTerms) -> str:
    return f"{_reason(child, points, terms)} {_outcome(child, points, base, total)}"


def _reason(child: ChildHistory, points: float, terms: ShareTerms) -> str:
    if child.is_fixed:
        return "Its limit changes with two people only."
    if points > 0:
        return (
            f"Turned work away in {child.hours_refused} hours of {child.period_count} periods"
            f" (more than {terms.many_hours_refused:g}): {points:+g} points."
        )
    if child.mean_use is None:
        return "Nothing is known of its past periods."
    used = f"{child.mean_use * 100:.1f} % used in the mean of {child.period_count} periods"
    if points < 0:
        return f"{used} (below {terms.low_use_percent:g} %): {points:+g} points."
    return f"{used}: as it should be."


def _outcome(child: ChildHistory, points: float, base: int, total: int) -> str:
    before, after = 100 * child.base / total, 100 * base / total
    if base == child.base:
        held = "; a limit or what is in use holds it" if points else ""
        return f"It stays at {before:.1f} %{held}."
    return f"From {before:.1f} to {after:.1f} % of what the children have together."
