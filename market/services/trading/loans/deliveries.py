"""Forwards when their period has begun: what was promised is delivered, what is missing is bought in."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

from django.db.models import Sum

from budgets import selectors as budget_facts
from budgets import services as budgets
from budgets.domain.quota import QuotaGive, QuotaTake
from config.kernel.errors import Conflict
from config.kernel.transactions import in_transaction
from market.domain.trading.forwards import paired, shared_out
from market.domain.trading.instruments import Contract
from market.models import BuyIn, ForwardLeg, Journal, team_account
from market.selectors.policies import get_policy_in_force
from market.services.trading.instruments import contract_of, lock_instrument
from market.services.trading.loans.buy_ins import Debt, current_instrument, open_buy_in
from market.services.trading.loans.promises import release_promise
from market.services.trading.loans.rows import CLEARING, tell
from market.services.trading.money import Line, post

logger = logging.getLogger(__name__)
Side, Status = ForwardLeg.Side, ForwardLeg.Status


class Missing(NamedTuple):
    """Lots that a leg does not give to another: bought in, or where nobody can take or buy them, paid in money."""

    gives: ForwardLeg
    takes: ForwardLeg
    lots: int
    is_paid: bool

    @property
    def top_ticks(self) -> int:
        """What backs a lot, in ticks."""
        return self.gives.collateral_micro_usd // self.gives.lots

    @property
    def paid_micro_usd(self) -> int:
        """What is paid in place of quota that nobody can take: the price it was bought at."""
        return self.lots * min(self.top_ticks, self.takes.trade.price_ticks) if self.is_paid else 0


class Outcome(NamedTuple):
    """What a delivery does: lots by giving leg, lots by taking leg, and what is missing."""

    gives: Sequence[ForwardLeg]
    given: Sequence[int]
    takes: Sequence[ForwardLeg]
    taken: Sequence[int]
    missing: Sequence[Missing]


def deliver_due_forwards(*, now: datetime) -> int:
    """Deliver the forwards whose period has begun; how many giving legs were settled.

    An instrument in one transaction; where a path lacks what several givers need, giver by giver. One that
    fails keeps no other waiting.
    """
    due = ForwardLeg.objects.filter(status=Status.DUE, side=Side.GIVES, due_at__lte=now).order_by("instrument")
    settled = 0
    for code in list(due.values_list("instrument", flat=True).distinct()):
        try:
            settled += _settled(code, None, now=now)
        except Exception:
            logger.exception("forwards could not be delivered", extra={"instrument": code})
    return settled


def _settled(code: str, giver: UUID | None, *, now: datetime) -> int:
    try:
        return in_transaction(partial(_deliver, code, giver, now))
    except Conflict as refusal:
        if refusal.code != "not_available":
            raise
    if giver is not None:
        logger.info("work took what was free; the next run delivers", extra={"budget": str(giver)})
        return 0
    legs = ForwardLeg.objects.filter(instrument=code, status=Status.DUE, side=Side.GIVES)
    givers = list(legs.order_by("budget").values_list("budget", flat=True).distinct())
    return sum(_settled(code, each, now=now) for each in givers)


def _deliver(code: str, giver: UUID | None, now: datetime) -> int:
    """Settle the giving legs of one budget, or all: quota as far as it is free, the rest by buy-ins."""
    instrument = lock_instrument(code)
    terms = get_policy_in_force().terms.market
    present = instrument
    if instrument.period_ends_at is not None and instrument.period_ends_at <= now:
        present = current_instrument(instrument, terms=terms, now=now)
    found = ForwardLeg.objects.select_for_update(of=("self",)).select_related("trade")
    legs = list(found.filter(instrument=code, closed_at=None).order_by("pk"))
    gives = [leg for leg in legs if leg.side == Side.GIVES and leg.status == Status.DUE]
    gives = [leg for leg in gives if giver in (None, leg.budget_id)]
    if not gives:
        return 0
    contract = contract_of(instrument)
    takes = [leg for leg in legs if leg.side == Side.TAKES]
    outcome = _outcome(gives, takes, contract, can_buy=present.lot_units == contract.lot_units, now=now)
    bought_in = [each for each in outcome.missing if not each.is_paid]
    debts = [
        Debt(each.gives.team_id, each.takes.budget_id, each.lots, each.top_ticks, gives=each.gives, takes=each.takes)
        for each in bought_in
    ]
    _release(gives, contract)
    _pay(outcome, now=now)
    _save(outcome, now=now)
    for debt in debts:
        open_buy_in(debt, present, terms=terms, now=now)
    _move(outcome, contract, now=now)
    tell([leg.team_id for leg in (*outcome.gives, *outcome.takes)], now=now)
    return len(gives)


def _outcome(
    gives: Sequence[ForwardLeg], takes: Sequence[ForwardLeg], contract: Contract, *, can_buy: bool, now: datetime
) -> Outcome:
    """Who gives and takes how much: takers share what came in proportion, givers what takers can take.

    Without `can_buy` (lots are counted otherwise now) all that is missing is paid in money.
    """
    ended = {leg.budget_id for leg in takes} - budget_facts.list_sellable(
        {leg.budget_id for leg in takes}, now=now
    ).keys()
    live = [leg for leg in takes if leg.budget_id not in ended]
    dead = [leg for leg in takes if leg.budget_id in ended]
    wants, unmet = _owed(live), _owed(dead)
    given = shared_out(sum(wants), _free(gives, contract, now=now))
    taken = shared_out(sum(given), wants)
    short = [leg.lots - lots for leg, lots in zip(gives, given, strict=True)]
    left = [want - lots for want, lots in zip(wants, taken, strict=True)]
    missing = [
        Missing(gives[giver], [*live, *dead][taker], lots, not can_buy or taker >= len(live))
        for giver, taker, lots in paired(short, [*left, *unmet])
    ]
    return Outcome(gives, given, live, taken, missing)


def _free(gives: Sequence[ForwardLeg], contract: Contract, *, now: datetime) -> list[int]:
    """Whole lots that each leg's budget has free; several legs of one budget share it, the first comes first."""
    found = budget_facts.list_sellable({leg.budget_id for leg in gives}, now=now)
    left = {budget_id: each.free // contract.lot_steps for budget_id, each in found.items()}
    free = []
    for leg in gives:
        lots = min(leg.lots, left.get(leg.budget_id, 0))
        left[leg.budget_id] = left.get(leg.budget_id, 0) - lots
        free.append(lots)
    return free


def _owed(takes: Sequence[ForwardLeg]) -> list[int]:
    """Lots that nobody has delivered, and nobody buys in, for each."""
    rows = BuyIn.objects.filter(closed_at=None, takes__in=takes).order_by().values_list("takes")
    buying = {key: lots - bought for key, lots, bought in rows.annotate(Sum("lots"), Sum("bought_lots"))}
    return [leg.lots - leg.delivered_lots - leg.paid_out_lots - buying.get(leg.pk, 0) for leg in takes]


def _release(gives: Sequence[ForwardLeg], contract: Contract) -> None:
    steps: defaultdict[UUID, int] = defaultdict(int)
    for leg in gives:
        steps[leg.budget_id] += leg.lots * contract.lot_steps
    for budget_id, promised in sorted(steps.items()):
        release_promise(budget_id=budget_id, contract=contract, steps=promised)


def _pay(outcome: Outcome, *, now: datetime) -> None:
    """Collateral is free again, except what backs a buy-in, which its order keeps."""
    lines = []
    for each in outcome.missing:
        giver, taker = team_account(each.gives.team_id), team_account(each.takes.team_id)
        if each.is_paid:
            lines += [Line(account=giver, delta_micro_usd=-each.paid_micro_usd)]
            lines += [Line(account=taker, delta_micro_usd=each.paid_micro_usd)]
        else:
            lines += [Line(account=giver, reserved_delta_micro_usd=each.lots * each.top_ticks)]
    for leg in outcome.gives:
        lines += [Line(account=team_account(leg.team_id), reserved_delta_micro_usd=-leg.collateral_micro_usd)]
    code = outcome.gives[0].instrument_id
    post(
        kind=Journal.Kind.ESCROW,
        lines=lines,
        actor=CLEARING,
        reason=f"forwards of {code} were delivered",
        reference=f"forward:{code}",
        now=now,
    )


def _save(outcome: Outcome, *, now: datetime) -> None:
    for leg, lots in zip((*outcome.gives, *outcome.takes), (*outcome.given, *outcome.taken), strict=True):
        leg.delivered_lots += lots
    touched = {leg.pk: leg for leg in (*outcome.gives, *outcome.takes)}
    for each in outcome.missing:
        for leg in (each.gives, each.takes):
            leg.paid_out_lots += each.lots if each.is_paid else 0
            leg.status = Status.BUYING_IN
            touched[leg.pk] = leg
    for leg in touched.values():
        if leg.side == Side.GIVES:
            leg.collateral_micro_usd = 0
        if leg.lots == leg.delivered_lots + leg.paid_out_lots:
            leg.status = Status.PAID_OUT if leg.paid_out_lots else Status.DELIVERED
            leg.closed_at = now
    fields = ["delivered_lots", "paid_out_lots", "status", "collateral_micro_usd", "closed_at"]
    ForwardLeg.objects.bulk_update(touched.values(), fields, batch_size=500)


def _move(outcome: Outcome, contract: Contract, *, now: datetime) -> None:
    gives = zip(outcome.gives, outcome.given, strict=True)
    takes = zip(outcome.takes, outcome.taken, strict=True)
    steps = contract.lot_steps
    budgets.deliver_quota(
        gives=[QuotaGive(budget_id=leg.budget_id, steps=lots * steps) for leg, lots in gives if lots],
        takes=[QuotaTake(budget_id=leg.budget_id, steps=lots * steps) for leg, lots in takes if lots],
        actor=CLEARING,
        reason=f"forwards of {outcome.gives[0].instrument_id}",
        now=now,
    )
