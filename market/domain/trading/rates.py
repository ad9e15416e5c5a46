"""What need adds to the price of a buyer, in parts per million of the price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from market.domain.policy import PolicyTerms
from market.domain.price import justice_rate

PPM = Decimal(1_000_000)
LOWEST_PPM = -999_999
"""Nobody is paid for buying: a subsidy is less than the whole price."""
MEAN_DIGITS = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a buyer's rate depends on: need 0..1 (None: unknown), and whether the origin is in the Global South."""

    score: float | None
    is_global_south: bool


def mean_need(scores: Iterable[tuple[float | None, int]]) -> float | None:
    """The mean of (score, lots) weighted by lots, to six digits; None where no score is known."""
    weighted, total = Decimal(0), 0
    for score, lots in scores:
        if score is not None:
            weighted += Decimal(str(score)) * lots
            total += lots
    return float((weighted / total).quantize(MEAN_DIGITS, rounding=ROUND_HALF_UP)) if total else None


def rates_ppm(terms: PolicyTerms, needs: Sequence[Need], *, mean_score: float | None) -> list[int]:
    """The rate of each buyer (below zero: a subsidy) by the policy's justice; 0 where need or mean is unknown."""
    known: Mapping[Need, int] = {each: _rate(terms, each, mean_score) for each in set(needs)}
    return [known[each] for each in needs]


def _rate(terms: PolicyTerms, need: Need, mean_score: float | None) -> int:
    rate, _ = justice_rate(
        terms, need_score=need.score, mean_need_score=mean_score, is_global_south=need.is_global_south
    )
    return max(LOWEST_PPM, int((rate * PPM).to_integral_value(rounding=ROUND_HALF_UP)))
