"""Orders come in: checked, backed by money or quota, and waiting for their call or matched at once."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from accounts.domain.principal import Principal
from config.kernel.errors import Conflict, InvalidInput
from config.kernel.events import publish
from config.kernel.transactions import transactional
from market.domain.trading.instruments import Contract, ask_ticks, bid_ticks, usd_per_unit
from market.domain.trading.matching import NO_MORE, NOT_WHOLE, OWN_TEAM
from market.domain.trading.orders import OrderAsk, OrderKind, Side, TradeSession
from market.domain.trading.reference import Reference
from market.events import OrdersChanged
from market.models import Instrument, Order, OrderEvent
from market.selectors.trading.prices import get_reference
from market.services.trading.closing import close_orders, event_of
from market.services.trading.drafts import Draft, draft_order
from market.services.trading.escrow import escrow_of, keep_money, keep_promise, keep_quota
from market.services.trading.gates import require_trading, set_next_call
from market.services.trading.holding import require_holding
from market.services.trading.instruments import open_instrument
from market.services.trading.matching import lock_counterparts, match_now
from market.services.trading.registry import keep_units

ENDED = {
    NO_MORE: "nothing more could be had at once",
    OWN_TEAM: "it met an order of its own team",
    NOT_WHOLE: "not all of it could be had at once",
}
"""Why the rest of an order that is matched at once does not stay."""


@transactional
def place_order(
    *,
    ask: OrderAsk,
    principal: Principal,
    source: Order.Source = Order.Source.TEAM,
    rule_id: int | None = None,
    now: datetime,
) -> Order:
    """Take an order in, with what it may cost in escrow; in the window or an open book it is matched at once.

    Raises, with nothing changed: InvalidInput or NotAllowed naming the field at fault, Conflict (`halted`,
    `holding_limit`, and of a seller `not_tradeable`, `not_available`, `minimum_balance`), AccountShort or
    BudgetExhausted where a buyer cannot pay.
    """
    draft = draft_order(ask=ask, principal=principal, now=now)
    instrument = open_instrument(draft.contract, terms=draft.terms.market, now=now)
    require_trading(instrument, now=now)
    _require_mechanism(ask, instrument)
    reference = get_reference(instrument, draft.terms)
    limit = limit_in_collar(ask.limit_price_usd, side=ask.side, contract=draft.contract, reference=reference)
    if draft.is_buy:
        require_holding(draft.team_id, draft.contract, draft.lots, draft.terms.market)
    order = Order.objects.create(
        instrument=instrument,
        limit_ticks=limit,
        source=source,
        rule_id=rule_id,
        placed_at=now,
        **_facts(draft),
    )
    event_of(order, OrderEvent.Kind.PLACED, lots=order.lots, actor=order.actor, now=now).save()
    set_next_call(instrument, terms=draft.terms.market, now=now)
    is_at_once = ask.session == TradeSession.WINDOW or instrument.mechanism == "continuous"
    quota = _keep(order, draft, reference, is_at_once=is_at_once, now=now)
    publish(OrdersChanged(instrument=instrument.code, team_ids=(order.team_id,), at=now))
    return _matched(order, quota, now=now) if is_at_once else order


def limit_in_collar(limit_usd: Decimal | None, *, side: Side, contract: Contract, reference: Reference) -> int | None:
    """A limit for one unit in ticks; None of a market order. Raises InvalidInput naming `limit_price_usd`.

    A buyer's is rounded down and a seller's up: never worse than what was said.
    """
    if limit_usd is None:
        return None
    ticks = (bid_ticks if side == Side.BUY else ask_ticks)(limit_usd, contract.lot_units)
    if not reference.low_ticks <= ticks <= reference.high_ticks:
        low, high = (
            f"{usd_per_unit(each, contract.lot_units):f}" for each in (reference.low_ticks, reference.high_ticks)
        )
        raise InvalidInput(
            f"Prices of {contract.code} stay between {low} and {high} US$ for one unit now.",
            field="limit_price_usd",
            code="outside_collar",
            low_usd=low,
            high_usd=high,
        )
    return ticks


def _require_mechanism(ask: OrderAsk, instrument: Instrument) -> None:
    is_book = instrument.mechanism == "continuous"
    if ask.kind == OrderKind.FILL_OR_KILL and not is_book:
        raise InvalidInput(
            "All or nothing is for open books. A call fills what it can.", field="kind", code="not_in_calls"
        )
    if ask.session == TradeSession.WINDOW and is_book:
        raise InvalidInput("An open book has no window between calls.", field="session", code="no_window")
    if ask.session == TradeSession.WINDOW and instrument.last_price_ticks is None:
        raise Conflict(
            "No call has traded yet, so there is no last price to trade at.", field="session", code="no_window"
        )


def _facts(draft: Draft) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "team_id": draft.team_id,
        "budget_id": draft.budget.id,
        "side": draft.ask.side,
        "kind": draft.ask.kind,
        "lots": draft.lots,
        "good_until": draft.good_until,
        "actor": draft.actor,
    }
    if draft.buyer is not None:
        facts |= asdict(draft.buyer)
    if draft.clean is not None:
        names = ("region_id", "cfe_share", "intensity_g_per_kwh", "intensity_basis", "adder_ticks")
        facts |= {name: getattr(draft.clean, name) for name in names} | {"region_basis": draft.clean.basis}
        if draft.ask.units:
            facts["adder_ticks"] = 0
    return facts


def _keep(order: Order, draft: Draft, reference: Reference, *, is_at_once: bool, now: datetime) -> partial[None] | None:
    """Registry units, promise, money and quota, in the order in which everybody locks.

    Of an offer that trades at once, what keeps its quota is returned: that comes after the money of its trades.
    """
    contract, market = draft.contract, draft.terms.market
    if draft.ask.units and draft.clean is not None:
        keep_units(order=order, grams=draft.clean.grams_of(order.lots), unit_ids=draft.ask.units, now=now)
    is_forward = contract.is_forward(now)
    if not draft.is_buy and is_forward:
        keep_promise(order, order.lots, contract=contract, terms=market, now=now)
    if is_at_once:
        lock_counterparts(order)
    micro_usd = escrow_of(order, contract=contract, top_ticks=reference.high_ticks, now=now)
    keep_money(order, micro_usd, pay_from=draft.ask.pay_from, actor=draft.actor, now=now)
    order.save(update_fields=["escrow_micro_usd"])
    if draft.is_buy or is_forward:
        return None
    quota = partial(keep_quota, order, order.lots, contract=contract, terms=market, actor=draft.actor, now=now)
    if is_at_once:
        return quota
    quota()
    return None


def _matched(order: Order, quota: partial[None] | None, *, now: datetime) -> Order:
    """In the window or an open book it trades at once; what may not wait is closed."""
    reason = match_now(order, keep=quota, now=now)
    if reason and order.status == Order.Status.OPEN:
        close_orders([order], status=Order.Status.CANCELLED, actor=order.actor, reason=ENDED[reason], now=now)
    return order
