"""Reads of proposed shares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from budgets.domain.units import Unit, from_steps
from budgets.models import BudgetProposal, ProposalLine
from config.kernel.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalLineFacts:
    """What a proposal would do to one child. Amounts in its unit, shares 0..1 of what the children have together."""

    budget_id: UUID
    name: str
    base_before: Decimal
    base_after: Decimal
    share_before: float
    share_after: float
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalFacts:
    """Other shares for the children of a budget, from its periods between two moments; a person decides."""

    id: int
    parent_id: UUID
    parent_name: str
    organisation_id: int
    team_id: int | None
    unit: Unit
    status: str
    analysed_from: datetime
    analysed_to: datetime
    made_at: datetime
    decided_at: datetime | None
    decided_by: str
    reason: str
    lines: tuple[ProposalLineFacts, ...]


def list_proposals(
    *, parent_id: UUID | None = None, status: str | None = None, before_id: int | None = None, limit: int = 50
) -> list[ProposalFacts]:
    """Proposals newest first, from below `before_id`. `status` is open, accepted, rejected or superseded."""
    rows = _with_lines()
    if parent_id is not None:
        rows = rows.filter(parent=parent_id)
    if status is not None:
        rows = rows.filter(status=status)
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return [_facts(row) for row in rows.order_by("-id")[:limit]]


def get_proposal(proposal_id: int) -> ProposalFacts:
    """One proposal with its lines. Raises NotFound."""
    row = _with_lines().filter(pk=proposal_id).first()
    if row is None:
        raise NotFound("There is no such proposal.")
    return _facts(row)


def _with_lines() -> QuerySet[BudgetProposal]:
    lines = Prefetch("lines", ProposalLine.objects.select_related("budget"))
    return BudgetProposal.objects.select_related("parent").prefetch_related(lines)


def _facts(row: BudgetProposal) -> ProposalFacts:
    return ProposalFacts(
        id=row.pk,
        parent_id=row.parent_id,
        parent_name=row.parent.name,
        organisation_id=row.parent.organisation_id,
        team_id=row.parent.team_id,
        unit=Unit(row.parent.unit),
        status=row.status,
        analysed_from=row.analysed_from,
        analysed_to=row.analysed_to,
        made_at=row.made_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
        lines=tuple(_line(line) for line in row.lines.all()),
    )


def _line(line: ProposalLine) -> ProposalLineFacts:
    unit = Unit(line.budget.unit)
    return ProposalLineFacts(
        budget_id=line.budget_id,
        name=line.budget.name,
        base_before=from_steps(unit, line.base_before),
        base_after=from_steps(unit, line.base_after),
        share_before=line.share_before,
        share_after=line.share_after,
        explanation=line.explanation,
    )
