"""Many holds in one transaction that is somebody else's: each reserved on its whole path, or refused by itself.

What most asks need is one statement for all of them. Where a refusal may be mended (a period is over, blocks hold what
is missing, a pool may be drawn on) everything is undone first: a remedy locks blocks and whole paths, and whoever
locked a budget before a block would wait for somebody who waits for that budget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import connection

from budgets.domain.admission import Admitted, Reason, Refused
from budgets.domain.asks import HoldAsk, PlacedHold
from budgets.domain.gears import Gear
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import LARGEST_AMOUNT, Unit, from_steps
from budgets.models import Budget
from budgets.services import buckets
from budgets.services.holds.commits import hold_of, tell
from budgets.services.holds.direct import admit_all_directly
from budgets.services.holds.place import MOST_TRIES, error_of
from budgets.services.holds.remedies import can_be_mended, give_back, mend
from budgets.services.holds.together import admit_together, decide_together
from config.kernel.errors import DomainError, InvalidInput
from config.kernel.raw import is_postgresql, run
from config.kernel.sql import fetch, identifier, some, write
from config.kernel.transactions import in_transaction

Verdicts = list[Admitted | Refused]
FENCE_AT_WORK = 2  # one that is placed, and dispatched since
BEGIN_AND_LOOK = """
WITH begun AS (
    UPDATE budgets_hold SET status = 'dispatched', dispatched_at = %s, fence = %s WHERE id = ANY (%s::uuid[]))
SELECT id, unit, "limit" - spent - reserved FROM budgets_budget WHERE id = ANY (%s::uuid[])
"""
SAVE = "SAVEPOINT before_holds"
UNDO = "ROLLBACK TO SAVEPOINT before_holds"
"""It also gives up the locks taken since. Never released: what ends the transaction does that for nothing."""
BEGIN = "UPDATE budgets_hold SET status = 'dispatched', dispatched_at = %s, fence = %s WHERE id IN "
LOOK = 'SELECT id, unit, "limit" - spent - reserved FROM budgets_budget WHERE id IN '


def place_holds(asks: Sequence[HoldAsk], *, are_dispatched: bool, now: datetime) -> list[PlacedHold | DomainError]:
    """Reserve what each ask wants, in the order given; the hold of each, or why there is none.

    The refusals are those of `place_hold`, and are not counted: `note_refusals` does that. With
    `are_dispatched` the work of all of them begins at once, with the lease that was asked for. Raises
    InvalidInput for an amount that is none. Locks like a single hold: blocks, then budgets leaf to root.
    """
    if not all(0 <= ask.amounts.of(unit) <= LARGEST_AMOUNT for ask in asks for unit in Unit):
        raise InvalidInput("An amount is not below zero and not beyond all bounds.", field="amount")
    if not asks:
        return []
    if connection.in_atomic_block:  # what is odd is undone in here: no savepoint of its own
        return _place(asks, are_dispatched, now=now)
    return in_transaction(lambda: _place(asks, are_dispatched, now=now))


def _place(asks: Sequence[HoldAsk], are_dispatched: bool, *, now: datetime) -> list[PlacedHold | DomainError]:
    drawn: dict[int, dict[UUID, int]] = {}
    verdicts = _admit_and_mend(asks, drawn, now=now)
    placed = [each for each in verdicts if isinstance(each, Admitted)]
    for index, of_ask in drawn.items():
        if isinstance(verdicts[index], Refused):
            give_back(of_ask, now=now)
    left = _begin_and_look(placed, are_dispatched, now=now) if placed else {}
    tell(placed, now=now)
    return [
        error_of(verdict) if isinstance(verdict, Refused) else _hold_of(ask, verdict, left, are_dispatched)
        for ask, verdict in zip(asks, verdicts, strict=True)
    ]


def note_refusals(refusals: Iterable[BudgetExhausted], *, now: datetime) -> None:
    """Count at each budget what it turned away; in the caller's transaction."""
    refusals = list(refusals)
    if not refusals:
        return
    counts = Counter(UUID(each.facts["budget"]) for each in refusals)
    for budget in Budget.objects.filter(pk__in=counts).order_by("pk"):
        buckets.note_refusals(budget, count=counts[budget.pk], now=now)


def _admit_and_mend(asks: Sequence[HoldAsk], drawn: dict[int, dict[UUID, int]], *, now: datetime) -> Verdicts:
    """Ask, mend what can be mended and ask again, a bounded number of times. What was drawn is noted by ask."""
    hopeless: set[int] = set()
    for _ in range(1, MOST_TRIES):
        verdicts, odd = _try(asks, hopeless, now=now)
        if not odd:
            return verdicts
        for index, refused in odd.items():
            if not mend(refused, drawn.setdefault(index, {}), now=now):
                hopeless.add(index)
    return _admit(asks, now=now)


def _try(asks: Sequence[HoldAsk], hopeless: set[int], *, now: datetime) -> tuple[Verdicts, dict[int, Refused]]:
    """The verdicts; or, with everything undone, those that a remedy may turn."""
    if not is_postgresql():  # decided in memory, before anything is written
        drafts = decide_together(asks, gear=_gear(asks), now=now)
        odd = _odd(drafts.answers, hopeless)
        if not odd:
            drafts.write()
        return drafts.answers, odd
    run(SAVE)
    verdicts = _admit(asks, now=now)
    odd = _odd(verdicts, hopeless)
    if odd:
        run(UNDO)
    return verdicts, odd


def _odd(verdicts: Verdicts, hopeless: set[int]) -> dict[int, Refused]:
    return _mendable({index: each for index, each in enumerate(verdicts) if index not in hopeless})


def _mendable(verdicts: Mapping[int, Admitted | Refused]) -> dict[int, Refused]:
    """Refusals that are not final, by index. What may help at a budget is looked up once for all that it refused."""
    known: dict[tuple[UUID | None, Unit], bool] = {}
    found = {}
    for index, verdict in verdicts.items():
        if not isinstance(verdict, Refused) or verdict.reason in (Reason.MISSING, Reason.DUPLICATE):
            continue
        key = (verdict.budget_id, verdict.unit)
        if verdict.reason is Reason.SHORT and key not in known:
            known[key] = can_be_mended(verdict)
        has_room_now = verdict.remaining >= verdict.needed  # somebody gave something back in that moment
        if verdict.reason is Reason.OVER or has_room_now or known[key]:
            found[index] = verdict
    return found


def _admit(asks: Sequence[HoldAsk], *, now: datetime) -> Verdicts:
    if is_postgresql():
        return admit_all_directly(asks, gear=_gear(asks), now=now)
    return admit_together(asks, gear=_gear(asks), now=now)


def _gear(asks: Sequence[HoldAsk]) -> Gear:
    return Gear.DIRECT if len(asks) == 1 else Gear.BATCHED


def _begin_and_look(placed: Sequence[Admitted], are_dispatched: bool, *, now: datetime) -> dict[UUID, tuple[Unit, int]]:
    """Let their work begin, which nobody else knows of yet; what their own budgets have left, in steps."""
    hold_ids, leaf_ids = [each.hold_id for each in placed], list({each.path[0] for each in placed})
    if is_postgresql():
        rows = fetch(BEGIN_AND_LOOK, [now, FENCE_AT_WORK, hold_ids if are_dispatched else [], leaf_ids])
    else:
        if are_dispatched:
            write([(BEGIN + some(len(hold_ids)), [now, FENCE_AT_WORK, *hold_ids])])
        rows = fetch(LOOK + some(len(leaf_ids)), leaf_ids)
    return {identifier(leaf_id): (Unit(unit), steps) for leaf_id, unit, steps in rows}


def _hold_of(
    ask: HoldAsk, admitted: Admitted, left: Mapping[UUID, tuple[Unit, int]], is_dispatched: bool
) -> PlacedHold:
    unit, steps = left[ask.budget_id]
    return replace(
        hold_of(ask, admitted), fence=FENCE_AT_WORK if is_dispatched else 1, left=from_steps(unit, steps), unit=unit
    )
