"""Placing a hold: one call, whatever the gear. Never overspent; a refusal takes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import connection

from accounts.services.idempotency import Answer, Claim, answer_once
from budgets.domain.admission import Admitted, Reason, Refused
from budgets.domain.asks import HoldAsk, PlacedHold
from budgets.domain.gears import Gear
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import LARGEST_AMOUNT, Amounts, Unit, from_steps
from budgets.services.holds.batching import Alone
from budgets.services.holds.commits import BATCHES, Once, Outcome, Shared, hold_of, tell
from budgets.services.holds.direct import admit_directly
from budgets.services.holds.meter import METER, Way
from budgets.services.holds.refusals import note_refusal
from budgets.services.holds.remedies import give_back, keep_block, mend
from budgets.services.holds.together import admit_together
from config.kernel.errors import Conflict, DomainError, InvalidInput
from config.kernel.transactions import in_transaction

MOST_TRIES = 12
"""Others may take what a remedy brought before the next try; after so many tries the refusal is right."""


def place_hold(
    *, budget_id: UUID, amounts: Amounts, reference: str, lease_expires_at: datetime, actor: str, now: datetime
) -> PlacedHold:
    """Reserve `amounts` on a budget and all its ancestors, or on none of them.

    Raises BudgetExhausted naming the level that cannot pay, InvalidInput if there is no such budget
    or an amount is none, Conflict if work with this reference has an open hold. Outside a transaction
    it commits by itself, alone or with others. Inside one it is part of it and a refusal takes
    nothing: the caller counts it with `note_refusal` where that is not undone.
    """
    ask = _ask(budget_id, amounts, reference, lease_expires_at, actor)
    try:
        return _place(ask, now=now)
    except BudgetExhausted as refusal:
        if not connection.in_atomic_block:
            note_refusal(refusal, now=now)
        raise


def place_hold_once(
    *,
    budget_id: UUID,
    amounts: Amounts,
    reference: str,
    lease_expires_at: datetime,
    actor: str,
    claim: Claim,
    answer_of: Callable[[PlacedHold], Answer],
    now: datetime,
) -> Answer:
    """The same once per Idempotency-Key: the answer is stored with the hold, or replayed.

    A refusal frees the key. Raises as `place_hold` and `answer_once` do. Not inside a transaction.
    """
    ask = _ask(budget_id, amounts, reference, lease_expires_at, actor)
    with METER.measured(budget_id) as way:
        outcome = _shared(Shared(ask=ask, now=now, once=Once(claim=claim, answer_of=answer_of)), way)
    if isinstance(outcome, Answer):
        return outcome
    if isinstance(outcome, DomainError):
        raise outcome
    try:
        return answer_once(
            team_id=claim.team_id,
            key=claim.key,
            fingerprint=claim.fingerprint,
            now=now,
            work=lambda: answer_of(_place(ask, now=now)),
        )
    except BudgetExhausted as refusal:
        note_refusal(refusal, now=now)
        raise


def _ask(budget_id: UUID, amounts: Amounts, reference: str, lease_expires_at: datetime, actor: str) -> HoldAsk:
    if not all(0 <= amounts.of(unit) <= LARGEST_AMOUNT for unit in Unit):
        raise InvalidInput("An amount is not below zero and not beyond all bounds.", field="amount")
    return HoldAsk(
        budget_id=budget_id, amounts=amounts, reference=reference, lease_expires_at=lease_expires_at, actor=actor
    )


def _place(ask: HoldAsk, *, now: datetime) -> PlacedHold:
    """Ask, mend what can be mended and ask again, a bounded number of times."""
    drawn: dict[UUID, int] = {}
    with METER.measured(ask.budget_id) as way:
        for tries in range(1, MOST_TRIES + 1):
            verdict = _admit(ask, way, now=now)
            if verdict.path:
                METER.learn(ask.budget_id, verdict.path, verdict.choice)
            if isinstance(verdict, Admitted):
                keep_block(ask, verdict, way, now=now)
                return hold_of(ask, verdict)
            if tries == MOST_TRIES or not mend(verdict, drawn, now=now):
                give_back(drawn, now=now)
                raise error_of(verdict)
    raise AssertionError("A loop that ends by an answer.")


def _admit(ask: HoldAsk, way: Way, *, now: datetime) -> Admitted | Refused:
    outcome = _shared(Shared(ask=ask, now=now), way)
    if isinstance(outcome, Admitted | Refused):
        return outcome
    if connection.vendor == "postgresql":
        verdict = admit_directly(ask, now=now)
    else:
        verdict = in_transaction(lambda: admit_together([ask], gear=Gear.DIRECT, now=now))[0]
    if isinstance(verdict, Admitted):
        tell([verdict], now=now)
    return verdict


def _shared(shared: Shared, way: Way) -> Outcome:
    """The outcome in a batch; Alone where there is none to share."""
    if way.queue is None or connection.in_atomic_block:
        return Alone()
    try:
        return BATCHES.ask(way.queue, shared)
    except Alone as alone:
        return alone


def error_of(refused: Refused) -> DomainError:
    """A refusal as what is raised."""
    if refused.reason is Reason.DUPLICATE:
        return Conflict("Work with this reference has an open hold.", field="reference", code="reference_in_use")
    if refused.budget_id is None:
        return InvalidInput("There is no such budget.", field="budget")
    return BudgetExhausted(
        budget_id=refused.budget_id,
        name=refused.name,
        unit=refused.unit,
        limit=from_steps(refused.unit, refused.limit),
        remaining=from_steps(refused.unit, refused.remaining),
        needed=from_steps(refused.unit, refused.needed),
        resets_at=refused.resets_at,
        level=refused.level,
    )
