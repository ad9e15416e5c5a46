"""Moving budgets when work ends: out of reserved, into spent, and what does not fit into overdraft."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from budgets.domain.escrow import BlockInTheWay
from budgets.domain.periods import Period, bucket_of, leaves_at
from budgets.events import BudgetsChanged
from budgets.models import Budget, Hold, LedgerEntry, SpendBucket
from budgets.selectors.escrow import free_in_escrow
from budgets.services.alerting import note_crossings, note_overdraft
from budgets.services.buckets import add_spent
from budgets.services.ledger import entry
from budgets.services.periods import begin_period_if_over, begin_periods_if_over, is_over
from config.kernel.events import publish


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """Steps that one budget is charged for one hold: `freed` leaves reserved, `used` becomes spent or overdraft.

    `spent_at` is when it was used. A charge `is_moved` if a leaf spent it then under a block, and
    its ancestors hear of it now: what belongs to a period that is over counts no more.
    """

    budget: Budget
    hold: Hold
    kind: LedgerEntry.Kind
    spent_at: datetime
    used: int = 0
    freed: int = 0
    is_moved: bool = False
    given_back: int = 0
    """What was spent at `spent_at`, too much as is known now; goes back as far as it still counts."""
    settled_by: int = 0
    """The ledger entry that spent it: what was reset or turned after that counts no more."""


@dataclass(slots=True)
class Books:
    """What a transaction has moved so far, to be written down together."""

    actor: str
    reason: str
    now: datetime
    may_fall_short: bool
    """False: raise BlockInTheWay rather than overdraw a budget at which blocks in escrow have something free."""
    entries: list[LedgerEntry]
    spent: list[tuple[Budget, int, datetime]]
    overdrawn: list[tuple[Charge, int]]

    def moved(self, budget: Budget, starts_at: datetime) -> int:
        """What belongs to one slice of a budget and is not counted there yet: slices are written last."""
        hours = budget.window_hours
        return sum(
            steps
            for each, steps, at in self.spent
            if each.pk == budget.pk and bucket_of(at, window_hours=hours) == starts_at
        )

    def note(self, charge: Charge, kind: LedgerEntry.Kind, reason: str, **deltas: int) -> None:
        """Remember a ledger entry."""
        self.entries.append(
            entry(charge.budget.pk, kind, now=self.now, actor=self.actor, reason=reason, hold=charge.hold, **deltas)
        )


def charge_all(
    charges: Iterable[Charge],
    *,
    actor: str,
    reason: str,
    now: datetime,
    may_fall_short: bool = True,
    covered: Sequence[Budget] = (),
) -> int | None:
    """Charge budgets, deepest first; return the highest threshold that any of them is past.

    `covered` are ancestors at which a block pays: nothing moves there yet, but more of it may be used.
    Raises BlockInTheWay (see `Books.may_fall_short`); then the caller's savepoint undoes all of it.
    """
    ordered = sorted(charges, key=lambda each: (-each.budget.depth, each.budget.pk))
    begin_periods_if_over([each.budget for each in ordered if not each.is_moved], now=now)
    books = Books(actor, reason, now, may_fall_short, [], [], [])
    for charge in ordered:
        if charge.is_moved:
            _move_up(charge, books)
        elif charge.given_back:
            _give_back(charge, books)
        else:
            _spend(charge, books)
    in_period = [each.pk for each in covered if not is_over(each, now=now)]  # the others hear of it when it is moved
    return write_down(books, budget_ids=[*(each.budget.pk for each in ordered), *in_period])


def write_down(books: Books, *, budget_ids: Sequence[UUID]) -> int | None:
    """Ledger, slices of spending, alerts and the event of what was moved; the highest threshold passed."""
    LedgerEntry.objects.bulk_create(books.entries)
    for budget, steps, at in books.spent:
        add_spent([(budget, steps)], now=at)
        if budget.window_hours and at < books.now:
            # What was spent a while ago may have left the window since.
            begin_period_if_over(Budget.objects.get(pk=budget.pk), now=books.now)
    for charge, steps in books.overdrawn:
        note_overdraft(hold_id=charge.hold.pk, budget=charge.budget, steps=steps, now=books.now)
    touched = tuple(dict.fromkeys(budget_ids))
    publish(BudgetsChanged(budget_ids=touched, at=books.now))
    return note_crossings(budget_ids=touched, now=books.now)


def _spend(charge: Charge, books: Books) -> None:
    rows = Budget.objects.filter(pk=charge.budget.pk)
    spent = charge.used
    if charge.used <= charge.freed:
        rows.update(reserved=F("reserved") - charge.freed, spent=F("spent") + charge.used)
    else:
        row = rows.select_for_update(no_key=True).get()
        spent = min(charge.used, row.limit - row.spent - row.reserved + charge.freed)
        if spent < charge.used:
            _overdraw(charge, charge.used - spent, books)
        rows.update(
            reserved=F("reserved") - charge.freed,
            spent=F("spent") + spent,
            overdraft=F("overdraft") + charge.used - spent,
        )
    books.spent.append((charge.budget, spent, charge.spent_at))
    books.note(
        charge,
        charge.kind,
        books.reason,
        spent_delta=spent,
        reserved_delta=-charge.freed,
        overdraft_delta=charge.used - spent,
    )


def _move_up(charge: Charge, books: Books) -> None:
    """Charge an ancestor what a leaf spent before: never more than was reserved for it there."""
    if charge.used:
        begin_period_if_over(charge.budget, now=charge.spent_at)
    row = Budget.objects.select_for_update(no_key=True).get(pk=charge.budget.pk)
    counts = row.period == Period.ROLLING or charge.spent_at >= row.period_starts_at
    Budget.objects.filter(pk=row.pk).update(
        reserved=F("reserved") - charge.freed, spent=F("spent") + (charge.used if counts else 0)
    )
    books.spent.append((charge.budget, charge.used, charge.spent_at))
    books.note(charge, charge.kind, books.reason, spent_delta=charge.used, reserved_delta=-charge.freed)
    if not counts and charge.used:
        books.note(charge, LedgerEntry.Kind.PERIOD, "spent before this period", spent_delta=-charge.used)


def _give_back(charge: Charge, books: Books) -> None:
    row = Budget.objects.select_for_update(no_key=True).get(pk=charge.budget.pk)
    steps = min(charge.given_back, row.spent, _still_counts(row, charge, books))
    Budget.objects.filter(pk=row.pk).update(spent=F("spent") - steps)
    books.spent.append((charge.budget, -steps, charge.spent_at))
    books.note(charge, charge.kind, books.reason, spent_delta=-steps)


def _still_counts(row: Budget, charge: Charge, books: Books) -> int:
    """How much of what a charge spent is still part of `spent`: nothing after a reset or a turn of its period."""
    ends = (
        [LedgerEntry.Kind.RESET] if row.period == Period.ROLLING else [LedgerEntry.Kind.RESET, LedgerEntry.Kind.PERIOD]
    )
    # Without a hold: what a block spent before a turn and moved after it ends no period.
    if LedgerEntry.objects.filter(budget=row, hold=None, kind__in=ends, pk__gt=charge.settled_by).exists():
        return 0
    if row.period != Period.ROLLING:
        return charge.given_back
    hours = row.window_hours or 0
    starts_at = bucket_of(charge.spent_at, window_hours=hours)
    if leaves_at(starts_at, window_hours=hours) <= books.now:
        return 0
    counted = SpendBucket.objects.filter(budget=row, starts_at=starts_at).values_list("spent", flat=True).first()
    return (counted or 0) + books.moved(row, starts_at)


def _overdraw(charge: Charge, steps: int, books: Books) -> None:
    if not books.may_fall_short and free_in_escrow([charge.budget.pk]):
        raise BlockInTheWay
    books.overdrawn.append((charge, steps))
