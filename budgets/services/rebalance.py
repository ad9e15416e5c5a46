"""Rebalancing what a parent's children are allotted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from budgets.domain.proposals import part_of
from budgets.domain.rebalancing import RebalancedLine, Share, rebalanced
from budgets.domain.units import Unit, from_steps
from budgets.events import BudgetsChanged
from budgets.models import Budget, LedgerEntry, SpendBucket, Threshold
from budgets.selectors.figures import get_share_terms
from budgets.services.alerting import note_crossings
from budgets.services.ledger import entry
from budgets.services.rows import locked_each, save
from config.kernel.errors import NotFound
from config.kernel.events import publish

RECENT_HOURS = 168
"""Use within this time says where allotment is needed, unless the threshold `rebalance-recent` says otherwise."""


def rebalance(
    *, parent_id: UUID, actor: str, reason: str, now: datetime, is_trial: bool = False
) -> list[RebalancedLine]:
    """Let unused allotment of a budget's children flow to where it is used; return what changes for each.

    Children of one unit, model class and kind of period share among themselves: what was spent of late
    (threshold `rebalance-recent`) and what is reserved now says how much each needs. Nobody falls below its floor,
    below what is spent, reserved and sold, nor below a share (threshold `share-least`) of what they have together: a
    child that was not used of late can still begin. Children whose changes need two people are left alone. A
    trial changes nothing. Raises NotFound.
    """
    if not Budget.objects.filter(pk=parent_id, deallocated_at=None).exists():
        raise NotFound("There is no such budget.", field="parent")
    with transaction.atomic():
        lines = _rebalance(parent_id, actor=actor, reason=reason, now=now)
        transaction.set_rollback(is_trial)
    return lines


def _rebalance(parent_id: UUID, *, actor: str, reason: str, now: datetime) -> list[RebalancedLine]:
    children = Budget.objects.filter(parent=parent_id, deallocated_at=None, needs_two=False)
    rows = locked_each(list(children.values_list("pk", flat=True)), now=now)
    used = _recent_use(list(rows.values()), now=now)
    least_percent = get_share_terms().least_percent
    bases: dict[UUID, int] = {}
    for group in _groups(list(rows.values())):
        kept = part_of(sum(row.base_limit for row in group), least_percent)
        bases |= rebalanced([_share(row, used[row.pk], kept=kept) for row in group])
    lines = [_line(row, bases[row.pk], used[row.pk]) for row in sorted(rows.values(), key=lambda row: row.name)]
    _write(
        [row for row in rows.values() if bases[row.pk] != row.base_limit], bases, actor=actor, reason=reason, now=now
    )
    return lines


def _groups(rows: Sequence[Budget]) -> list[list[Budget]]:
    """Budgets whose bases mean the same: so much of one unit, for one class of models, in one kind of period."""
    groups: dict[tuple[str, str, str, int | None], list[Budget]] = defaultdict(list)
    for row in rows:
        groups[row.unit, row.model_class, row.period, row.window_hours].append(row)
    return list(groups.values())


def _recent_use(rows: Sequence[Budget], *, now: datetime) -> dict[UUID, int]:
    hours = Threshold.objects.filter(pk="rebalance-recent").values_list("value", flat=True).first()
    since = now - timedelta(hours=RECENT_HOURS if hours is None else hours)
    slices = SpendBucket.objects.filter(budget__in=rows, starts_at__gt=since).order_by()
    spent = dict(slices.values_list("budget").annotate(Sum("spent")))
    return {row.pk: int(spent.get(row.pk, 0)) + row.reserved for row in rows}


def _share(row: Budget, used: int, *, kept: int) -> Share:
    """`kept` is the least that every child keeps of what it has, whether it was used or not."""
    extra = row.limit - row.base_limit
    least = max(row.floor, row.pool, row.sold, row.spent + row.reserved - extra, kept, 1)
    return Share(key=row.pk, base=row.base_limit, least=min(row.base_limit, least), used=used)


def _line(row: Budget, after: int, used: int) -> RebalancedLine:
    unit = Unit(row.unit)
    return RebalancedLine(
        budget_id=row.pk,
        name=row.name,
        unit=unit,
        before=from_steps(unit, row.base_limit),
        after=from_steps(unit, after),
        used=from_steps(unit, used),
    )


def _write(rows: Sequence[Budget], bases: dict[UUID, int], *, actor: str, reason: str, now: datetime) -> None:
    entries = []
    for row in rows:
        delta = bases[row.pk] - row.base_limit
        row.limit += delta
        save(row, actor, reason=reason, update_fields=["limit"])
        entries.append(
            entry(row.pk, LedgerEntry.Kind.REBALANCE, now=now, actor=actor, reason=reason, limit_delta=delta)
        )
    if entries:
        LedgerEntry.objects.bulk_create(entries)
        note_crossings(budget_ids=[row.pk for row in rows], now=now)
        publish(BudgetsChanged(budget_ids=tuple(row.pk for row in rows), at=now))
