"""What quota is worth now, part by part: the reference price and four premia within the policy's bounds.

An indication for people and programs: no call and no trade goes by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from market.domain.policy import PolicyTerms
from market.domain.price import scarcity_at
from market.domain.trading.instruments import usd_per_unit
from market.domain.trading.reference import Reference, ReferenceBasis

ONE = Decimal(1)
PERCENT = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueInputs:
    """What premia depend on; None is not known.

    `utilisation` 0..1 of this hour's capacity, `window_hours` until the quota is needed, `score` the
    reputation of who offers, `delivery` and `collaboration` its parts, all 0..1.
    """

    utilisation: float | None
    window_hours: float | None
    score: float | None
    delivery: float | None
    collaboration: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Premium:
    """One factor, what it adds in US$ for one unit after those before it, and what it rests on."""

    name: str
    factor: Decimal
    adds_usd: Decimal
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """`value_usd` for one token, gram or watt hour is `reference_usd` and all that the premia add."""

    reference_usd: Decimal
    reference_basis: str
    premia: tuple[Premium, ...]
    value_usd: Decimal


def value_of(reference: Reference, *, lot_units: int, inputs: ValueInputs, terms: PolicyTerms) -> Value:
    """`reference * scarcity * urgency * quality * collaboration`."""
    start = running = usd_per_unit(reference.ticks, lot_units)
    premia = []
    for name, (factor, basis) in _factors(inputs, terms).items():
        following = _short(running * factor)
        premia.append(Premium(name=name, factor=factor, adds_usd=following - running, basis=basis))
        running = following
    return Value(reference_usd=start, reference_basis=basis_of(reference), premia=tuple(premia), value_usd=running)


def basis_of(reference: Reference) -> str:
    """Where the reference price comes from, in words."""
    if reference.basis == ReferenceBasis.TRADES:
        return f"volume-weighted mean of the last {reference.calls} clearings that traded"
    return "price of the same as a service: nothing has traded yet"


def _factors(inputs: ValueInputs, terms: PolicyTerms) -> dict[str, tuple[Decimal, str]]:
    market = terms.market
    return {
        "scarcity": _scarcity(inputs.utilisation, terms),
        "urgency": _urgency(inputs.window_hours, terms),
        "quality": _earned("deliveries", inputs.delivery, inputs.score, market.quality_max_percent, terms),
        "collaboration": _earned(
            "collaboration", inputs.collaboration, inputs.score, market.collaboration_max_percent, terms
        ),
    }


def _scarcity(utilisation: float | None, terms: PolicyTerms) -> tuple[Decimal, str]:
    if utilisation is None:
        return ONE, "none: no capacity is known for this hour"
    return scarcity_at(terms, utilisation), f"{utilisation:.0%} of this hour's capacity is promised"


def _urgency(window_hours: float | None, terms: PolicyTerms) -> tuple[Decimal, str]:
    if window_hours is None:
        return ONE, "none: no deadline was named"
    share = ONE - min(ONE, max(Decimal(0), _exact(window_hours) / _exact(terms.urgency_full_window_hours)))
    return _raised(terms.market.urgency_max_percent, share), f"needed within {max(0.0, window_hours):.1f} hours"


def _earned(
    what: str, part: float | None, score: float | None, max_percent: int, terms: PolicyTerms
) -> tuple[Decimal, str]:
    """Only who has a reputation at all gets more for what it is known for."""
    least = terms.market.collaboration_from_score_percent
    if score is None:
        return ONE, "none: nothing is known of who offers"
    if _exact(score) * 100 < least:
        return ONE, f"none: the reputation of {score:.2f} is below {least / 100:.2f}"
    if part is None:
        return ONE, f"none: nothing is known of its {what}"
    return _raised(max_percent, _exact(part)), f"{what} {part:.2f} at a reputation of {score:.2f}"


def _raised(max_percent: int, share: Decimal) -> Decimal:
    """From 1 at a share of 0 to the policy's bound at 1."""
    return _short(ONE + (Decimal(max_percent) / PERCENT - ONE) * share)


def _exact(value: float) -> Decimal:
    return Decimal(str(round(value, 6)))


def _short(value: Decimal) -> Decimal:
    """To twelve digits after the point: an indication needs no more."""
    return value.quantize(Decimal("1e-12"), rounding=ROUND_HALF_UP).normalize()
