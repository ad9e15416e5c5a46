"""What a request costs, in whole micro-USD, component by component.

`total = service + carbon + justice - renewable`, each rounded half up, so that they add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from market.domain.policy import PolicyTerms

MICRO = Decimal(1_000_000)
GRAMS_PER_TONNE = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceInputs:
    """What a price depends on. Energy in Wh, carbon in g, shares 0..1, money in micro-USD.

    `need_score` and `mean_need_score` None mean that no feebate is charged or paid.
    `renewable_share` None is unknown and earns nothing. `fund_available_micro_usd` bounds what
    the Fund pays. `window_hours` is how long the request can wait.
    """

    tokens: int
    model_class: str
    energy_wh: float
    location_g: float
    utilisation: float
    window_hours: float
    need_score: float | None
    mean_need_score: float | None
    is_global_south: bool
    renewable_share: float | None
    fund_available_micro_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price build-up in micro-USD. `justice` is negative for a discount; `renewable` is a discount.

    `from_fund` is what the Fund pays towards it; `scarcity` and `urgency` are the factors applied.
    """

    service: int
    carbon: int
    justice: int
    renewable: int
    from_fund: int
    scarcity: float
    urgency: float
    notes: tuple[str, ...]

    @property
    def total(self) -> int:
        """What the requester pays."""
        return self.service + self.carbon + self.justice - self.renewable


def price(terms: PolicyTerms, inputs: PriceInputs) -> Price:
    """The price of a request under a policy."""
    notes: list[str] = []
    scarcity = scarcity_at(terms, inputs.utilisation)
    urgency = _urgency(terms, inputs.window_hours)
    base = Decimal(inputs.tokens) * terms.rate_usd_per_token[inputs.model_class] * scarcity * urgency
    carbon_cost = Decimal(str(inputs.location_g)) * terms.carbon_usd_per_t / GRAMS_PER_TONNE
    service, carbon = _micro(base), _micro(carbon_cost)
    rate, unknown = justice_rate(
        terms,
        need_score=inputs.need_score,
        mean_need_score=inputs.mean_need_score,
        is_global_south=inputs.is_global_south,
    )
    notes += [unknown] if unknown else []
    justice = _micro(base * rate)
    renewable = _micro(base * terms.renewable_discount * _share(inputs, notes))
    justice, renewable = _within_floor(terms, inputs, service, carbon, justice, renewable, notes)
    justice, renewable, from_fund = _within_fund(terms, inputs, justice, renewable, notes)
    return Price(
        service=service,
        carbon=carbon,
        justice=justice,
        renewable=renewable,
        from_fund=from_fund,
        scarcity=float(scarcity),
        urgency=float(urgency),
        notes=tuple(notes),
    )


def scarcity_at(terms: PolicyTerms, utilisation: float) -> Decimal:
    """1 up to the policy's utilisation, then straight up to its bound at a full region."""
    start = terms.scarcity_from_utilisation
    if utilisation <= start or start >= 1.0:
        return Decimal(1)
    share = Decimal(str(round(min(1.0, (utilisation - start) / (1.0 - start)), 6)))
    return 1 + (terms.scarcity_max - 1) * share


def _urgency(terms: PolicyTerms, window_hours: float) -> Decimal:
    """1 for work that must run at once, down to the policy's bound for work that can wait long."""
    share = Decimal(str(round(min(1.0, max(0.0, window_hours) / terms.urgency_full_window_hours), 6)))
    return 1 - (1 - terms.urgency_min) * share


def justice_rate(
    terms: PolicyTerms, *, need_score: float | None, mean_need_score: float | None, is_global_south: bool
) -> tuple[Decimal, str]:
    """What justice adds, as a share of the service (below zero a discount); and why nothing, where it is not known."""
    justice = terms.justice
    if justice.kind == "fixed":
        return (-justice.discount if is_global_south else justice.premium), ""
    if need_score is None:
        return Decimal(0), "No feebate: nothing is known about the need of the origin."
    if mean_need_score is None:
        return (
            Decimal(0),
            "No feebate: nothing has been settled in this period yet, so there is no mean to compare with.",
        )
    return justice.phi * (Decimal(str(mean_need_score)) - Decimal(str(need_score))), ""


def _share(inputs: PriceInputs, notes: list[str]) -> Decimal:
    if inputs.renewable_share is None:
        notes.append("No renewable discount: the clean share is not known.")
        return Decimal(0)
    return Decimal(str(inputs.renewable_share))


def _within_floor(
    terms: PolicyTerms,
    inputs: PriceInputs,
    service: int,
    carbon: int,
    justice: int,
    renewable: int,
    notes: list[str],
) -> tuple[int, int]:
    """Shrink discounts, the renewable one first, until electricity and carbon are paid."""
    floor = _micro(Decimal(str(inputs.energy_wh)) / 1000 * terms.electricity_usd_per_kwh) + carbon
    missing = floor - (service + carbon + justice - renewable)
    if missing <= 0:
        return justice, renewable
    notes.append("Discounts end where the price would fall below electricity and carbon cost.")
    cut = min(missing, renewable)
    renewable -= cut
    justice += min(missing - cut, max(0, -justice))
    return justice, renewable


def _within_fund(
    terms: PolicyTerms, inputs: PriceInputs, justice: int, renewable: int, notes: list[str]
) -> tuple[int, int, int]:
    """Shrink what the Fund would pay to what it can, all by one factor."""
    from_justice = max(0, -justice)
    from_renewable = renewable if terms.fund_pays_renewable else 0
    wanted = from_justice + from_renewable
    payable = min(wanted, max(0, inputs.fund_available_micro_usd))
    if payable == wanted:
        return justice, renewable, wanted
    notes.append("The Fund cannot pay the whole discount.")
    paid_justice = from_justice * payable // wanted
    paid_renewable = payable - paid_justice if from_renewable else 0
    justice = -paid_justice if from_justice else justice
    renewable = paid_renewable if terms.fund_pays_renewable else renewable
    return justice, renewable, paid_justice + paid_renewable


def _micro(usd: Decimal) -> int:
    return int((usd * MICRO).to_integral_value(rounding=ROUND_HALF_UP))
