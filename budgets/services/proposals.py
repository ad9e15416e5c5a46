"""Analysing past periods, proposing other shares, and doing what a person accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from budgets.domain.proposals import ChildHistory, propose_shares
from budgets.domain.units import Unit, from_steps
from budgets.models import Budget, BudgetProposal, LedgerEntry, PeriodRecord, ProposalLine
from budgets.selectors.figures import get_share_terms
from budgets.services.guards import require_one_person
from budgets.services.rows import locked, locked_each
from budgets.services.tree import allot_locked
from config.kernel.errors import Conflict, InvalidInput, NotFound

LEAST_PERIODS = 2
MOST_PERIODS = 4
Status = BudgetProposal.Status


@transaction.atomic
def propose_changes(*, parent_id: UUID, actor: str, now: datetime) -> int | None:
    """Propose other shares for the children of a budget, from their last two to four ended periods.

    Returns the proposal's id, or None where nothing should change. It takes the place of one that was
    open. Raises NotFound if there is no such budget.
    """
    parent = locked(parent_id, now=now)
    children = list(Budget.objects.filter(parent=parent, unit=parent.unit, deallocated_at=None).order_by("name", "pk"))
    records = _records(children)
    shares = propose_shares([_history(child, records.get(child.pk, ())) for child in children], get_share_terms())
    if not shares:
        return None
    parent.proposals.filter(status=Status.OPEN).update(
        status=Status.SUPERSEDED, decided_at=now, decided_by=actor, reason="A newer proposal takes its place."
    )
    analysed = [record for each in records.values() for record in each]
    proposal = BudgetProposal.objects.create(
        parent=parent,
        analysed_from=min(record.starts_at for record in analysed),
        analysed_to=max(record.ended_at for record in analysed),
        made_at=now,
    )
    ProposalLine.objects.bulk_create(
        ProposalLine(
            proposal=proposal,
            budget_id=share.budget_id,
            base_before=share.base_before,
            base_after=share.base_after,
            share_before=share.share_before,
            share_after=share.share_after,
            explanation=share.explanation,
        )
        for share in shares
    )
    return proposal.pk


@transaction.atomic
def decide_proposal(*, proposal_id: int, is_accepted: bool, reason: str, actor: str, now: datetime) -> None:
    """Accept a proposal, which changes all its budgets at once, or reject it; both with a reason.

    Raises Conflict if it was decided before, if the world moved on so that it cannot be done any more
    (`stale`: a child ended, was allotted otherwise, or uses more than it would have), or if a change
    waits for two people (`needs_two`). Then nothing changes, and it stays open.
    """
    proposal = BudgetProposal.objects.filter(pk=proposal_id).first()
    if proposal is None:
        raise NotFound("There is no such proposal.")
    _require_open(proposal)
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")
    # Budgets first, as an analysis locks them, too: then nobody waits for each other.
    children = list(proposal.lines.values_list("budget", flat=True)) if is_accepted else []
    budgets = locked_each(children, now=now)
    proposal = BudgetProposal.objects.select_for_update().get(pk=proposal_id)
    _require_open(proposal)
    if is_accepted:
        _apply(proposal, budgets, reason=reason, actor=actor, now=now)
    proposal.status = Status.ACCEPTED if is_accepted else Status.REJECTED
    proposal.decided_at, proposal.decided_by, proposal.reason = now, actor, reason
    proposal.save(update_fields=["status", "decided_at", "decided_by", "reason"])


def propose_everywhere(*, actor: str, now: datetime) -> int:
    """Propose for every budget one of whose children has two ended periods; return how many proposals were made.

    Each in a transaction of its own; one that has ended meanwhile is passed over.
    """
    with_history = Budget.objects.annotate(ended=Count("past_periods")).filter(
        ended__gte=LEAST_PERIODS, deallocated_at=None
    )
    parents = Budget.objects.filter(children__in=with_history, deallocated_at=None).distinct().order_by("pk")
    made = 0
    for parent_id in list(parents.values_list("pk", flat=True)):
        with suppress(NotFound):
            made += propose_changes(parent_id=parent_id, actor=actor, now=now) is not None
    return made


def _require_open(proposal: BudgetProposal) -> None:
    if proposal.status != Status.OPEN:
        raise Conflict(f"This proposal is {proposal.status}.", code="already_decided")


def _records(children: Sequence[Budget]) -> dict[UUID, list[PeriodRecord]]:
    """The last periods of each child that has seen enough of them, newest first."""
    found: dict[UUID, list[PeriodRecord]] = {}
    for child in children:
        records = list(child.past_periods.order_by("-starts_at")[:MOST_PERIODS])
        if len(records) >= LEAST_PERIODS:
            found[child.pk] = records
    return found


def _history(child: Budget, records: Sequence[PeriodRecord]) -> ChildHistory:
    uses = [record.spent / record.limit for record in records if record.limit]
    on_top = child.limit - child.base_limit
    return ChildHistory(
        budget_id=child.pk,
        name=child.name,
        base=child.base_limit,
        floor=child.floor,
        needed=max(1, child.spent + child.reserved - on_top, min(child.base_limit, max(child.sold, child.pool))),
        is_fixed=child.needs_two,
        period_count=len(records),
        hours_refused=sum(record.hours_refused for record in records),
        mean_use=sum(uses) / len(uses) if uses else None,
    )


def _apply(proposal: BudgetProposal, budgets: Mapping[UUID, Budget], *, reason: str, actor: str, now: datetime) -> None:
    lines = list(proposal.lines.all())
    for line in lines:
        budget = budgets.get(line.budget_id)
        if budget is None or budget.base_limit != line.base_before:
            raise _stale("a child has ended, or was allotted otherwise")
    changes = [line for line in lines if line.base_after != line.base_before]
    for line in sorted(changes, key=lambda each: each.base_after - each.base_before):
        require_one_person(budgets[line.budget_id])
        _allot(budgets[line.budget_id], line, reason=f"proposal {proposal.pk}: {reason}", actor=actor, now=now)


def _allot(budget: Budget, line: ProposalLine, *, reason: str, actor: str, now: datetime) -> None:
    try:
        allot_locked(
            budget,
            from_steps(Unit(budget.unit), line.base_after),
            kind=LedgerEntry.Kind.REBALANCE,
            actor=actor,
            reason=reason[:300],
            now=now,
        )
    except Conflict as error:
        raise _stale(error.detail) from error


def _stale(why: str) -> Conflict:
    return Conflict(f"This proposal cannot be done any more: {why}. Analyse again, or reject it.", code="stale")
