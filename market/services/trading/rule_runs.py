"""Standing rules at work: each in a transaction of its own, within its limits of the day, one open order at most."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.db.models import Case, F, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from accounts.domain.scopes import Scope
from accounts.selectors import get_principal_of_team
from budgets import selectors as budgets
from budgets.domain.exhaustion import ExhaustionForecast
from budgets.domain.periods import Period
from budgets.domain.states import BudgetState
from budgets.domain.units import Unit
from config.kernel.errors import DomainError, InvalidInput
from config.kernel.transactions import in_transaction
from market.domain.policy import PolicyTerms
from market.domain.trading.instruments import Contract, bid_ticks
from market.domain.trading.orders import OrderAsk, Side, contract_for, last_moment
from market.domain.trading.rules import (
    Outlook,
    Room,
    lots_down,
    lots_up,
    missing_until,
    sell_by,
    unused_at,
    usd_of_nano,
)
from market.models import Instrument, Order, StandingRule
from market.selectors.policies import get_policy_in_force
from market.services.trading.instruments import contract_of
from market.services.trading.orders import place_order

logger = logging.getLogger(__name__)
Kind = StandingRule.Kind
LONGEST_OUTCOME = 300
FAILED = "failed: an error of the program, which the log tells; tried again at the next run"
BUSIEST_OF = timedelta(hours=24)
GOOD_FOR_CALLS = 2
"""An order of a rule ends after so many calls: then the rule looks again."""


def run_rules(*, now: datetime) -> int:
    """Let every active rule look at its budget and trade; how many placed an order.

    A rule that cannot says why in `last_outcome`. One that fails otherwise does not keep the others from running.
    """
    placed = 0
    for rule_id in StandingRule.objects.filter(is_active=True).order_by("pk").values_list("pk", flat=True):
        try:
            placed += in_transaction(partial(_run, rule_id, now=now))
        except Exception:
            logger.exception("standing rule failed", extra={"rule": rule_id})
            StandingRule.objects.filter(pk=rule_id).update(last_run_at=now, last_outcome=FAILED)
    return placed


def _run(rule_id: int, *, now: datetime) -> bool:
    rule = StandingRule.objects.select_for_update(of=("self",)).select_related("team__organisation").get(pk=rule_id)
    if not rule.is_active:
        return False
    was_placed, words = _outcome(rule, now=now)
    # Not `save`: what it did is no change of the rule, and its orders are the record.
    StandingRule.objects.filter(pk=rule_id).update(last_run_at=now, last_outcome=words[:LONGEST_OUTCOME])
    return was_placed


def _outcome(rule: StandingRule, *, now: datetime) -> tuple[bool, str]:
    if not (rule.team.is_active and rule.team.organisation.is_active):
        return False, "The team is switched off."
    if Order.objects.filter(rule=rule, status=Order.Status.OPEN).exists():
        return False, "Its order waits: a rule has one at a time."
    found = budgets.list_exhaustion([rule.budget_id], now=now)
    if not found:
        return False, "The budget has ended."
    try:
        return _act(rule, found[0], now=now)
    except DomainError as refusal:
        return False, f"Not placed: {refusal.detail}"


def _act(rule: StandingRule, forecast: ExhaustionForecast, *, now: datetime) -> tuple[bool, str]:
    terms, budget = get_policy_in_force().terms, budgets.get_budget(rule.budget_id)
    contract = _contract(budget, terms, now)
    if contract is None:
        return False, "Quota of this period is not traded."
    wish = (_to_sell if rule.kind == Kind.SELL_UNUSED else _to_buy)(rule, contract, _outlook(forecast, now), terms, now)
    if not wish.lots:
        return False, wish.why
    price = _place(rule, contract, wish, terms, now=now)
    quantity = f"{wish.lots * contract.lot_units:,} {contract.unit}"
    if wish.side == Side.SELL:
        return True, f"Offered {quantity} at {price:f} US$ or more for one: {wish.why}"
    return True, f"Bid for {quantity} at {price:f} US$ or less for one: {wish.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    side: Side
    lots: int
    why: str


def _to_sell(rule: StandingRule, contract: Contract, outlook: Outlook, terms: PolicyTerms, now: datetime) -> _Wish:
    wish = _Wish(side=Side.SELL, lots=0, why="")
    at = sell_by(rule.by_hour_utc or 0, outlook, now)
    unused = unused_at(outlook, at, now)
    if unused is None:
        return replace(wish, why="Nothing is known yet of what it uses.")
    room = Room(of_rule=_lots_left_today(rule, contract, now), of_budget=_sellable_lots(rule, contract, terms, now))
    lots = min(lots_down(unused, contract.lot_units), room.lots)
    why = f"{unused:,.0f} {contract.unit} will be left at {at:%Y-%m-%d %H:%M} UTC even if much is used"
    return replace(wish, lots=lots, why=f"{why}{_bound(lots, unused, contract, room)}.")


def _to_buy(rule: StandingRule, contract: Contract, outlook: Outlook, terms: PolicyTerms, now: datetime) -> _Wish:
    wish = _Wish(side=Side.BUY, lots=0, why="")
    missing = missing_until(outlook, now)
    if missing is None:
        return replace(wish, why="Nothing is known yet of what it uses.")
    if not missing:
        return replace(wish, why=f"It lasts until {outlook.until:%Y-%m-%d %H:%M} UTC at its usual pace.")
    room = Room(of_rule=_lots_left_today(rule, contract, now), of_budget=_payable_lots(rule, contract, now))
    lots = min(lots_up(missing, contract.lot_units), room.lots)
    why = f"it lacks {missing:,.0f} {contract.unit} until {outlook.until:%Y-%m-%d %H:%M} UTC at its usual pace"
    return replace(wish, lots=lots, why=f"{why}{_bound(lots, missing, contract, room)}.")


def _bound(lots: int, wanted: Decimal, contract: Contract, room: Room) -> str:
    if lots * contract.lot_units >= wanted or lots < room.lots:
        return "" if lots else f"; that is less than a lot of {contract.lot_units:,}"
    return "; more is not allowed today" if room.of_rule <= room.of_budget else "; more is not free to trade"


def _outlook(forecast: ExhaustionForecast, now: datetime) -> Outlook:
    """Where too little is known of its pace, the busiest hour of a whole day that is known."""
    burn, high = forecast.burn_per_hour, forecast.burn_high_per_hour
    if burn is None:
        hours = budgets.list_spend_by_hour(forecast.budget_id, since=now - BUSIEST_OF, until=now)
        is_known = bool(hours) and hours[0].starts_at <= now - BUSIEST_OF
        burn = high = max(hour.spent for hour in hours) if is_known else None
    return Outlook(remaining=forecast.remaining, burn=burn, burn_high=high, until=forecast.until)


def _lots_left_today(rule: StandingRule, contract: Contract, now: datetime) -> int:
    """Of its own limit: what it bought or sold today, and what waits."""
    return (rule.most_steps_per_day - _steps_of_today(rule, now)) // contract.lot_steps


def _steps_of_today(rule: StandingRule, now: datetime) -> int:
    used = 0
    for order in _orders_of_today(rule, now).select_related("instrument"):
        lots = order.lots if order.status == Order.Status.OPEN else order.filled_lots
        used += lots * contract_of(order.instrument).lot_steps
    return used


def _sellable_lots(rule: StandingRule, contract: Contract, terms: PolicyTerms, now: datetime) -> int:
    sellable = budgets.list_sellable([rule.budget_id], now=now).get(rule.budget_id)
    if sellable is None:
        return 0
    kept = terms.market.minimum_balance_tokens if contract.unit == Unit.TOKENS else 0
    return max(0, min(sellable.tradeable, sellable.free - kept)) // contract.lot_steps


def _payable_lots(rule: StandingRule, contract: Contract, now: datetime) -> int:
    """Of the money it may spend today, each order counted at its limit."""
    counted = Case(When(status=Order.Status.OPEN, then=F("lots")), default=F("filled_lots"))
    spent = _orders_of_today(rule, now).aggregate(sum=Sum(counted * Coalesce(F("limit_ticks"), 0)))["sum"] or 0
    ticks = max(1, bid_ticks(usd_of_nano(rule.limit_nano_usd_per_unit), contract.lot_units))
    return max(0, (rule.most_micro_usd_per_day or 0) - spent) // ticks


def _orders_of_today(rule: StandingRule, now: datetime) -> QuerySet[Order]:
    """Those of yesterday too that could still trade today: what they traded counts as today's, as nobody says when."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Order.objects.filter(Q(closed_at=None) | Q(closed_at__gte=midnight), rule=rule)


def _contract(budget: BudgetState, terms: PolicyTerms, now: datetime) -> Contract | None:
    if budget.period == Period.ROLLING:
        return None
    contract = contract_for(
        unit=budget.unit,
        model_class=budget.model_class,
        period=Period(budget.period),
        delivery=None,
        terms=terms.market,
        now=now,
    )
    stored = Instrument.objects.filter(pk=contract.code).first() if contract else None
    return contract_of(stored) if stored else contract


def _place(rule: StandingRule, contract: Contract, wish: _Wish, terms: PolicyTerms, *, now: datetime) -> Decimal:
    """Place the order; where the rule's limit is better than prices can be, at the edge of the collar."""
    market = terms.market
    until = now + timedelta(minutes=GOOD_FOR_CALLS * market.call_minutes)
    ask = OrderAsk(
        side=wish.side,
        unit=contract.unit,
        quantity=Decimal(wish.lots * contract.lot_units),
        limit_price_usd=usd_of_nano(rule.limit_nano_usd_per_unit),
        good_until=min(until, last_moment(contract, most_days=market.most_order_days, now=now)),
        budget_id=rule.budget_id,
    )
    try:
        return _placed(rule, ask, now=now)
    except InvalidInput as refusal:
        edge = refusal.facts.get("high_usd" if wish.side == Side.BUY else "low_usd")
        limit = ask.limit_price_usd or Decimal(0)
        if refusal.code != "outside_collar" or edge is None or (limit > Decimal(edge)) != (wish.side == Side.BUY):
            raise
        return _placed(rule, replace(ask, limit_price_usd=Decimal(edge)), now=now)


def _placed(rule: StandingRule, ask: OrderAsk, *, now: datetime) -> Decimal:
    scopes = frozenset({Scope.MARKET_READ, Scope.MARKET_TRADE, Scope.BUDGETS_READ, Scope.BUDGETS_SPEND})
    principal = get_principal_of_team(team_id=rule.team_id, actor=f"rule {rule.pk}", scopes=scopes)
    place_order(ask=ask, principal=principal, source=Order.Source.RULE, rule_id=rule.pk, now=now)
    return ask.limit_price_usd or Decimal(0)
