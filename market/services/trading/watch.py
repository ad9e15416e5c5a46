"""Looking for patterns: hoarding by the budgets' own sums, wash trades and spoofing by fills and orders."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count

from budgets import selectors as budgets
from budgets.domain.units import from_steps
from budgets.selectors import BudgetIdleness
from climate.domain.ladder import HOUR
from market.domain.policy import PolicyTerms
from market.domain.trading.conduct import (
    LOOK_BACK,
    SPOOF_TIMES,
    SPOOF_WITHIN,
    Fill,
    Idleness,
    PlacedOrder,
    charge_of,
    idle_steps,
    is_hoarding,
    spoof_patterns,
    wash_patterns,
)
from market.domain.trading.instruments import Contract, usd_per_unit
from market.domain.trading.orders import contract_for
from market.domain.trading.reference import Reference
from market.models import Auction, ConductFlag, Instrument, Order, Trade
from market.selectors.policies import get_policy_in_force
from market.selectors.trading.prices import get_reference
from market.services.trading.conduct import raise_flag

Kind = ConductFlag.Kind


def watch_conduct(*, now: datetime) -> int:
    """Look for all patterns; how many new flags there are."""
    terms = get_policy_in_force().terms
    return watch_hoarding(terms=terms, now=now) + watch_wash_trades(now=now) + watch_spoofing(terms=terms, now=now)


def watch_hoarding(*, terms: PolicyTerms, now: datetime) -> int:
    """Flag and charge budgets that lay idle in all of the policy's hours while other teams were turned away.

    Not those of which all that may be sold is on offer: their owners do what the market is for. One of which
    nothing may be sold is flagged and not charged.
    """
    window = terms.market.hoarding_idle_hours
    since = now - timedelta(hours=window)
    refusals = budgets.count_refusals(since=since, now=now)
    if not refusals:
        return 0
    lately = set(ConductFlag.objects.filter(kind=Kind.HOARDING, until__gt=since).values_list("budget", flat=True))
    found = 0
    for each in budgets.list_idleness(since=since, now=now):
        turned_away = sum(
            count for (unit, team_id), count in refusals.items() if unit == each.unit and team_id != each.team_id
        )
        if turned_away and each.budget_id not in lately:
            idleness = _idleness(each, window, now)
            if is_hoarding(idleness, idle_percent=terms.market.hoarding_idle_percent):
                found += _flag_hoarding(each, idle_steps(idleness), turned_away, terms, since=since, now=now)
    return found


def watch_wash_trades(*, now: datetime) -> int:
    """Flag every team of an organisation that was on both sides of an instrument too often in the last week."""
    since = now - LOOK_BACK
    rows = Trade.objects.filter(at__gt=since, at__lte=now, is_reversed=False).exclude(order__source=Order.Source.BUY_IN)
    columns = ("team__organisation", "team", "instrument", "auction", "auction__kind", "at", "side", "lots")
    patterns = wash_patterns(_fill(*row) for row in rows.order_by().values_list(*columns).iterator())
    week = "{}-{}".format(*now.isocalendar()[:2])
    return sum(
        raise_flag(
            key=f"wash:{team_id}:{pattern.instrument}:{week}",
            kind=Kind.WASH,
            team_id=team_id,
            instrument=pattern.instrument,
            since=since,
            evidence=pattern.evidence,
            now=now,
        )
        for pattern in patterns
        for team_id in pattern.team_ids
    )


def watch_spoofing(*, terms: PolicyTerms, now: datetime) -> int:
    """Flag teams that placed large orders within a day and took them back before any of it traded."""
    since = now - SPOOF_WITHIN
    lately = Order.objects.filter(placed_at__gt=since, placed_at__lte=now).exclude(source=Order.Source.BUY_IN)
    unfilled = lately.filter(status=Order.Status.CANCELLED, filled_lots=0).order_by()
    often = unfilled.values("team", "instrument", "side").annotate(count=Count("pk")).filter(count__gte=SPOOF_TIMES)
    suspected = {row["instrument"] for row in often}
    if not suspected:
        return 0
    columns = ("id", "team", "instrument", "side", "lots", "filled_lots", "status", "placed_at", "closed_at")
    rows = lately.filter(instrument__in=suspected).order_by("number").values(*columns)
    orders = [_placed(row) for row in rows.iterator()]
    patterns = spoof_patterns(orders, call_minutes=terms.market.call_minutes)
    return sum(
        raise_flag(
            key=f"spoof:{pattern.team_id}:{pattern.instrument}:{pattern.side}:{now:%Y-%m-%d}",
            kind=Kind.SPOOF,
            team_id=pattern.team_id,
            instrument=pattern.instrument,
            since=since,
            evidence=pattern.evidence,
            now=now,
        )
        for pattern in patterns
    )


def _idleness(budget: BudgetIdleness, window: int, now: datetime) -> Idleness:
    return Idleness(
        limit=budget.limit,
        free=budget.free,
        used=budget.used,
        window_hours=window,
        hours_left=None if budget.period_ends_at is None else (budget.period_ends_at - now) / HOUR,
        period_hours=budget.period_hours,
    )


def _flag_hoarding(
    budget: BudgetIdleness, idle: int, turned_away: int, terms: PolicyTerms, *, since: datetime, now: datetime
) -> bool:
    contract = contract_for(
        unit=budget.unit,
        model_class=budget.model_class,
        period=budget.period,
        delivery=None,
        terms=terms.market,
        now=now,
    )
    sellable = budgets.list_sellable([budget.budget_id], now=now).get(budget.budget_id)
    if contract is None or sellable is None:
        return False
    may_offer = sellable.steps >= contract.lot_steps
    if sellable.on_offer and not may_offer:
        return False
    reference = _reference(contract, terms)
    charge = charge_of(idle=idle, lot_steps=contract.lot_steps, reference_ticks=reference.ticks, terms=terms.market)
    window = terms.market.hoarding_idle_hours
    return raise_flag(
        key=f"hoarding:{budget.budget_id}:{window}h:{int(now.timestamp()) // (window * 3600)}",
        kind=Kind.HOARDING,
        team_id=budget.team_id,
        budget_id=budget.budget_id,
        since=since,
        evidence={
            "budget": budget.name,
            "unit": str(budget.unit),
            **{name: str(from_steps(budget.unit, steps)) for name, steps in _amounts(budget, idle).items()},
            "idle_percent_from": terms.market.hoarding_idle_percent,
            "hours": window,
            "others_turned_away": turned_away,
            "reference_usd_per_unit": f"{usd_per_unit(reference.ticks, contract.lot_units):f}",
            "reference_basis": str(reference.basis),
            "could_be_offered": str(from_steps(budget.unit, sellable.steps)),
            "charge_percent": terms.market.hoarding_charge_percent,
        },
        charge_micro_usd=charge if may_offer else 0,
        now=now,
    )


def _amounts(budget: BudgetIdleness, idle: int) -> dict[str, int]:
    return {"limit": budget.limit, "free": budget.free, "used": budget.used, "idle": idle}


def _reference(contract: Contract, terms: PolicyTerms) -> Reference:
    stored = Instrument.objects.filter(pk=contract.code).first()
    unsaved = Instrument(
        code=contract.code,
        unit=contract.unit,
        model_class=contract.model_class,
        period=contract.period,
        lot_units=contract.lot_units,
        mechanism=terms.market.mechanism,
    )
    return get_reference(stored or unsaved, terms)


def _fill(
    organisation_id: int, team_id: int, instrument: str, auction_id: int, kind: str, at: datetime, side: str, lots: int
) -> Fill:
    is_call = kind == Auction.Kind.CALL
    return Fill(
        organisation_id=organisation_id,
        team_id=team_id,
        instrument=instrument,
        session=f"call {auction_id}" if is_call else f"{kind} {at:%Y-%m-%dT%H}",
        is_buy=side == Order.Side.BUY,
        lots=lots,
    )


def _placed(row: dict[str, Any]) -> PlacedOrder:
    return PlacedOrder(
        id=str(row["id"]),
        team_id=row["team"],
        instrument=row["instrument"],
        side=row["side"],
        lots=row["lots"],
        filled_lots=row["filled_lots"],
        was_taken_back=row["status"] == Order.Status.CANCELLED,
        placed_at=row["placed_at"],
        closed_at=row["closed_at"],
    )
