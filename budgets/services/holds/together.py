"""Several asks in one transaction, on any database: read under lock, decide in memory, write in bulk.

SQLite admits everything this way. PostgreSQL has the same rule in a stored function, which costs its
callers a fraction of this; a property test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from django.db.models import F

from budgets.domain.admission import Admitted, Block, Charge, Refused, Room, Situation, admit, needs_ancestors
from budgets.domain.asks import HoldAsk
from budgets.domain.gears import Gear, GearChoice
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, BudgetAlert, EscrowLease, Hold, HoldLine, LedgerEntry
from budgets.selectors.escrow import free_in_escrow
from budgets.selectors.figures import get_bands

Decided = tuple[HoldAsk, Admitted, Charge]


def admit_together(asks: Sequence[HoldAsk], *, gear: Gear, now: datetime) -> list[Admitted | Refused]:
    """Decide each ask as if they came one after the other; must be called in a transaction.

    `gear` is what the holds are marked with that no block covers. Locks leases, then budgets deepest
    first. A reference that somebody else takes in the same moment raises IntegrityError.
    """
    situation = _situation(asks, gear=gear, now=now)
    answers: list[Admitted | Refused] = []
    decided: list[Decided] = []
    for ask in asks:
        verdict = admit(ask, uuid4(), situation)
        if isinstance(verdict, Refused):
            answers.append(verdict)
        else:
            answers.append(verdict[0])
            decided.append((ask, *verdict))
    if decided:
        _write(decided, situation, now=now)
    return answers


def _situation(asks: Sequence[HoldAsk], *, gear: Gear, now: datetime) -> Situation:
    leaves = {ask.budget_id for ask in asks}
    live = Budget.objects.filter(pk__in=leaves, deallocated_at=None).values_list("pk", "path_ids")
    paths = {pk: tuple(map(UUID, path)) for pk, path in live}
    blocks = _locked_blocks(pk for pk, path in paths.items() if len(path) > 1)
    uncovered = needs_ancestors(asks, blocks)
    charged = {step for leaf, path in paths.items() for step in (path if leaf in uncovered else path[:1])}
    above = {step for path in paths.values() for step in path} - charged
    rooms = rooms_of(Budget.objects.filter(pk__in=charged).order_by("-depth", "pk").select_for_update(no_key=True))
    if above:
        rooms |= rooms_of(Budget.objects.filter(pk__in=above))
    for budget_id, free in free_in_escrow(list(rooms)).items():
        rooms[budget_id].free = free
    open_holds = Hold.objects.filter(status__in=Hold.OPEN, reference__in=[ask.reference for ask in asks])
    situation = Situation(
        paths=paths,
        rooms=rooms,
        blocks=blocks,
        references=set(open_holds.values_list("reference", flat=True)),
        bands=get_bands(),
        now=now,
        gear=gear,
    )
    _recall_alerts(rooms)
    return situation


def _locked_blocks(leaves: Iterable[UUID]) -> dict[UUID, Block]:
    ids = list(leaves)
    if not ids:
        return {}
    rows = EscrowLease.objects.filter(budget__in=ids, status=EscrowLease.Status.OPEN).order_by("pk")
    return {
        row.budget_id: Block(id=row.pk, free=Amounts.in_columns(row, "free_"))
        for row in rows.select_for_update(no_key=True)
    }


def rooms_of(rows: Iterable[Budget]) -> dict[UUID, Room]:
    """Budgets as values, by id."""
    return {
        row.pk: Room(
            id=row.pk,
            name=row.name,
            level=row.level,
            unit=Unit(row.unit),
            choice=GearChoice(row.gear),
            limit=row.limit,
            spent=row.spent,
            reserved=row.reserved,
            period_starts_at=row.period_starts_at,
            period_ends_at=row.period_ends_at,
            has_ended=row.deallocated_at is not None,
            warning_amounts=row.warning_amounts,
        )
        for row in rows
    }


def _recall_alerts(rooms: dict[UUID, Room]) -> None:
    """Note what was told of these budgets in this period, so that it is told once."""
    told = BudgetAlert.objects.filter(budget__in=rooms, kind__in=("percent", "amount"))
    for budget_id, starts_at, kind, level in told.values_list("budget_id", "period_starts_at", "kind", "level"):
        if rooms[budget_id].period_starts_at == starts_at:
            rooms[budget_id].recorded.add((kind, level))


def _write(decided: Sequence[Decided], situation: Situation, *, now: datetime) -> None:
    Hold.objects.bulk_create(
        Hold(
            pk=admitted.hold_id,
            budget_id=ask.budget_id,
            escrow_id=charge.block_id,
            gear=admitted.gear,
            reference=ask.reference,
            actor=ask.actor,
            created_at=now,
            lease_expires_at=ask.lease_expires_at,
            **ask.amounts.columns(),
        )
        for ask, admitted, charge in decided
    )
    HoldLine.objects.bulk_create(
        HoldLine(hold_id=admitted.hold_id, budget_id=budget_id, reserved=steps)
        for _, admitted, charge in decided
        for budget_id, steps in charge.steps
    )
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            budget_id=budget_id,
            hold_id=admitted.hold_id,
            kind=LedgerEntry.Kind.HOLD,
            reserved_delta=steps,
            at=now,
            actor=ask.actor,
            reason=ask.reference,
        )
        for ask, admitted, charge in decided
        for budget_id, steps in charge.steps
    )
    _charge(decided, situation, now=now)


def _charge(decided: Sequence[Decided], situation: Situation, *, now: datetime) -> None:
    """One UPDATE for each lease and budget: all of them are locked, so their order is free."""
    used_blocks = {charge.block_id for _, _, charge in decided}
    for block in situation.blocks.values():
        if block.id not in used_blocks:
            continue
        free = {column: F(column) - steps for column, steps in block.taken.columns("free_").items()}
        used = {column: F(column) + steps for column, steps in block.taken.columns("used_").items()}
        EscrowLease.objects.filter(pk=block.id).update(**free, **used, last_used_at=now)
    for budget_id in {budget_id for _, _, charge in decided for budget_id, _ in charge.steps}:
        taken_steps = situation.rooms[budget_id].taken
        Budget.objects.filter(pk=budget_id).update(reserved=F("reserved") + taken_steps)
    BudgetAlert.objects.bulk_create(
        BudgetAlert(
            budget_id=news.budget_id,
            kind=news.kind,
            level=news.level,
            period_starts_at=news.period_starts_at,
            at=now,
            facts=dict(news.facts),
        )
        for news in situation.news
    )
