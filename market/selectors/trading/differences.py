"""Whether the market's books agree: accounts and postings, the Fund's two books, and what is in escrow for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet, Sum

from budgets import selectors as budgets
from budgets.domain.quota import quota_reference
from market.models import (
    FUND,
    Account,
    Donation,
    ForwardLeg,
    FundEntry,
    Loan,
    Order,
    Posting,
    QuotaPromise,
    RegistryUnit,
    RegistryUse,
    ShareAccount,
    team_account,
)
from market.selectors.trading.contracts import contract_of

Held = tuple[UUID, int]


def list_market_differences() -> list[str]:
    """Every account, escrow, promise and block of units of the market that is not what its books say, in words."""
    return [
        *_account_differences(),
        *_journal_differences(),
        *_escrow_differences(),
        *_fund_differences(),
        *_hold_differences(),
        *_promise_differences(),
        *_share_differences(),
        *_unit_differences(),
    ]


def _account_differences() -> Iterator[str]:
    sums = Posting.objects.order_by().values_list("account").annotate(Sum("delta_micro_usd"))
    posted = {name: (int(delta), int(kept)) for name, delta, kept in sums.annotate(Sum("reserved_delta_micro_usd"))}
    total = 0
    for name, *state in Account.objects.values_list("name", "balance_micro_usd", "reserved_micro_usd"):
        total += state[0]
        by_postings = posted.get(name, (0, 0))
        if tuple(state) != by_postings:
            yield f"account {name}: balance and escrow are {tuple(state)} but {by_postings} by its postings"
    if total:
        yield f"accounts: all balances together are {total}, not 0"


def _journal_differences() -> Iterator[str]:
    sums = Posting.objects.order_by().values("journal").annotate(sum=Sum("delta_micro_usd")).exclude(sum=0)
    for row in sums:
        yield f"journal {row['journal']}: its postings sum to {row['sum']}, not 0"


def _escrow_differences() -> Iterator[str]:
    kept: Counter[str] = Counter()
    _add(kept, Order.objects.filter(status=Order.Status.OPEN), "team", "escrow_micro_usd")
    _add(kept, Loan.objects.filter(borrower_team__isnull=False), "borrower_team", "collateral_micro_usd")
    _add(kept, ForwardLeg.objects.all(), "team", "collateral_micro_usd")
    rows = Account.objects.filter(reserved_micro_usd__gt=0).values_list("name", "reserved_micro_usd")
    yield from _compared("account {}: keeps {} in escrow but {} is for orders, loans and forwards", dict(rows), kept)


def _add(kept: Counter[str], rows: QuerySet[Any], team: str, column: str) -> None:
    for team_id, micro_usd in rows.order_by().values_list(team).annotate(Sum(column)):
        if micro_usd:
            kept[team_account(team_id)] += int(micro_usd)


def _fund_differences() -> Iterator[str]:
    state = Account.objects.filter(name=FUND).values_list("balance_micro_usd", flat=True).first() or 0
    booked = FundEntry.objects.filter(journal__isnull=False).aggregate(sum=Sum("balance_delta_micro_usd"))["sum"] or 0
    if state != booked:
        yield f"account {FUND}: balance is {state} but the Fund's own books have {booked} of the market"


def _hold_differences() -> Iterator[str]:
    """Holds of quota against the open offers, loans and donations that they are for."""
    expected = {reference: held for reference, held in _kept_quota() if held[1]}
    yield from _compared("hold {}: keeps {} but {} is on offer", budgets.list_quota_holds(), expected)


def _kept_quota() -> Iterator[tuple[str, Held]]:
    sales = Order.objects.filter(status=Order.Status.OPEN, side=Order.Side.SELL, escrow_micro_usd=0)
    for order in sales.select_related("instrument"):
        steps = (order.lots - order.filled_lots) * contract_of(order.instrument).lot_steps
        yield quota_reference("order", order.id), (order.budget_id, steps)
    for loan in Loan.objects.filter(status=Loan.Status.OFFERED).select_related("instrument"):
        yield (
            quota_reference("loan", loan.pk),
            (loan.lender_budget_id, loan.lots * contract_of(loan.instrument).lot_steps),
        )
    for donation in Donation.objects.filter(status=Donation.Status.OPEN):
        yield quota_reference("share", donation.pk), (donation.budget_id, donation.left_steps)


def _promise_differences() -> Iterator[str]:
    expected: Counter[tuple[UUID, datetime]] = Counter()
    sales = Order.objects.filter(status=Order.Status.OPEN, side=Order.Side.SELL, escrow_micro_usd__gt=0)
    legs = ForwardLeg.objects.filter(status=ForwardLeg.Status.DUE, side=ForwardLeg.Side.GIVES)
    promised: list[tuple[Any, int]] = [
        (each, each.lots - each.filled_lots) for each in sales.select_related("instrument")
    ]
    promised += [(each, each.lots) for each in legs.select_related("instrument")]
    for each, lots in promised:
        starts_at = each.instrument.period_starts_at
        expected[each.budget_id, starts_at] += lots * contract_of(each.instrument).lot_steps
    rows = QuotaPromise.objects.filter(promised_steps__gt=0)
    state = {
        (budget_id, starts_at): steps
        for budget_id, starts_at, steps in rows.values_list("budget", "period_starts_at", "promised_steps")
    }
    yield from _compared("promise {}: {} steps but {} by offers and forwards", state, expected)


def _share_differences() -> Iterator[str]:
    sums = ShareAccount.objects.order_by().values("team").annotate(sum=Sum("credit_steps")).exclude(sum=0)
    for row in sums:
        yield f"team {row['team']}: its credits for what it shares sum to {row['sum']} steps, not 0"


def _unit_differences() -> Iterator[str]:
    uses = RegistryUse.objects.order_by().values_list("unit").annotate(grams=Sum(F("kept_g") + F("used_g")))
    used = {unit_id: int(grams) for unit_id, grams in uses if grams}
    state = dict(RegistryUnit.objects.filter(used_g__gt=0).values_list("pk", "used_g"))
    yield from _compared("registry unit {}: {} g are used but {} g by its uses", state, used)


def _compared(words: str, state: Mapping[Any, Hashable], expected: Mapping[Any, Hashable]) -> Iterator[str]:
    for key in sorted(state.keys() | expected.keys(), key=str):
        if state.get(key, 0) != expected.get(key, 0):
            yield words.format(key, state.get(key, 0), expected.get(key, 0))
