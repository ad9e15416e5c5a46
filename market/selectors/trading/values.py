"""Prices of what is traded, and what quota is worth now, part by part."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from budgets import selectors as budgets
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from climate import selectors as climate
from climate.domain.ladder import floor_hour
from config.kernel.errors import InvalidInput
from market.domain.policy import MODEL_CLASSES, PolicyTerms
from market.domain.trading.instruments import Contract
from market.domain.trading.order_views import PastPrice, PriceRow
from market.domain.trading.orders import contract_for
from market.domain.trading.reputation import COLLABORATION, DELIVERY
from market.domain.trading.value import ValueInputs, value_of
from market.models import Auction, Instrument, RegionHour
from market.selectors.policies import PolicyFacts, get_policy_in_force
from market.selectors.trading.prices import get_reference
from market.selectors.trading.reputation import get_reputation

HISTORY = 24
SECONDS_PER_HOUR = 3600


def list_prices(
    *,
    team_id: int | None,
    unit: Unit | None = None,
    model_class: str | None = None,
    budget_id: UUID | None = None,
    deadline: datetime | None = None,
    now: datetime,
) -> list[PriceRow]:
    """Reference, collar, last calls and the build-up of the value, for each instrument whose period is not over.

    With `budget_id` for that budget's own instrument of this period alone, traded or not: raises InvalidInput
    naming `budget` if it is not the team's. `deadline` is when the quota is needed. Quality and collaboration
    are those of the team that asks: what its own offers would be worth.
    """
    policy = get_policy_in_force()
    if budget_id is not None:
        found = [_of_budget(budget_id, team_id, policy.terms, now)]
    else:
        found = _live(unit, model_class, now)
    hours = None if deadline is None else (deadline - now).total_seconds() / SECONDS_PER_HOUR
    earned = _earned(team_id, now)
    return [_row(each, policy, hours, earned, now) for each in found]


def get_utilisation(model_class: str | None, *, now: datetime) -> float | None:
    """Share of this hour's capacity that is promised, all regions together; None where there is no capacity.

    Of one model class, or with None of all classes.
    """
    classes = MODEL_CLASSES if model_class is None else (model_class,)
    capacity = sum(
        region.capacity_tokens_per_hour.get(each, 0) or 0 for region in climate.list_regions() for each in classes
    )
    if not capacity:
        return None
    rows = RegionHour.objects.filter(starts_at=floor_hour(now), model_class__in=classes)
    taken = sum(promised + planned for promised, planned in rows.values_list("promised_tokens", "planned_tokens"))
    return min(1.0, taken / capacity)


def _live(unit: Unit | None, model_class: str | None, now: datetime) -> list[Instrument]:
    rows = Instrument.objects.exclude(period_ends_at__lte=now)
    if unit is not None:
        rows = rows.filter(unit=unit)
    if model_class is not None:
        rows = rows.filter(model_class=model_class)
    return list(rows)


def _of_budget(budget_id: UUID, team_id: int | None, terms: PolicyTerms, now: datetime) -> Instrument:
    mine = [] if team_id is None else budgets.list_budgets(team_ids=frozenset({team_id}))
    budget = next((each for each in mine if each.id == budget_id), None)
    if budget is None:
        raise InvalidInput("No budget of your team has this id.", field="budget", code="not_your_budget")
    if budget.unit == Unit.MICRO_USD or budget.period == Period.ROLLING:
        raise InvalidInput(
            f"Quota in {budget.unit} by {budget.period} is not traded.", field="budget", code="not_traded"
        )
    contract = contract_for(
        unit=budget.unit,
        model_class=budget.model_class,
        period=Period(budget.period),
        delivery=None,
        terms=terms.market,
        now=now,
    )
    if contract is None:
        raise RuntimeError("This period can always be traded.")
    return Instrument.objects.filter(pk=contract.code).first() or _unsaved(contract, terms)


def _unsaved(contract: Contract, terms: PolicyTerms) -> Instrument:
    return Instrument(
        code=contract.code,
        unit=contract.unit,
        model_class=contract.model_class,
        period=contract.period,
        period_starts_at=contract.starts_at,
        period_ends_at=contract.ends_at,
        lot_units=contract.lot_units,
        mechanism=terms.market.mechanism,
    )


def _earned(team_id: int | None, now: datetime) -> tuple[float | None, float | None, float | None]:
    """Reputation of a team: the score, and how well it delivers and works with others."""
    if team_id is None:
        return None, None, None
    found = get_reputation(team_id, now=now)
    parts = {part.name: part.value for part in found.parts}
    return found.score, parts.get(DELIVERY), parts.get(COLLABORATION)


def _row(
    instrument: Instrument,
    policy: PolicyFacts,
    hours: float | None,
    earned: tuple[float | None, float | None, float | None],
    now: datetime,
) -> PriceRow:
    terms, reference = policy.terms, get_reference(instrument, policy.terms)
    of_class = (instrument.model_class or terms.market.reference_class) if instrument.unit == Unit.TOKENS else None
    score, delivery, collaboration = earned
    inputs = ValueInputs(
        utilisation=get_utilisation(of_class, now=now),
        window_hours=hours,
        score=score,
        delivery=delivery,
        collaboration=collaboration,
    )
    return PriceRow(
        **{name: getattr(instrument, name) for name in _PLAIN},
        is_traded=not instrument._state.adding,
        reference_ticks=reference.ticks,
        reference_basis=reference.basis,
        reference_calls=reference.calls,
        low_ticks=reference.low_ticks,
        high_ticks=reference.high_ticks,
        history=_history(instrument.code),
        value=value_of(reference, lot_units=instrument.lot_units, inputs=inputs, terms=terms),
        policy=policy.title,
        as_of=now,
    )


def _history(code: str) -> tuple[PastPrice, ...]:
    cleared = Auction.objects.filter(instrument=code, status=Auction.Status.CLEARED).exclude(kind=Auction.Kind.WINDOW)
    rows = cleared.values_list("closed_at", "price_ticks", "volume_lots")[:HISTORY]
    return tuple(
        PastPrice(closed_at=at, price_ticks=price, volume_lots=lots) for at, price, lots in rows if price is not None
    )


_PLAIN = (
    *("code", "unit", "model_class", "period", "period_starts_at", "period_ends_at", "lot_units"),
    *("last_price_ticks", "last_traded_at"),
)
