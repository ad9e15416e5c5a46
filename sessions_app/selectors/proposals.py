"""Proposals of sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from config.kernel.errors import NotFound
from sessions_app.models import Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalFacts:
    """A change that was suggested, what it rests on, what it should bring and what it brought."""

    id: int
    session_id: UUID
    kind: str
    subject: str
    before: dict[str, Any]
    after: dict[str, Any]
    evidence: dict[str, Any]
    expected: dict[str, Any]
    status: str
    made_at: datetime
    decided_by: str
    decided_at: datetime | None
    rationale: str
    effect: dict[str, Any] | None
    measured_at: datetime | None

    @classmethod
    def of(cls, row: Proposal) -> Self:
        """From its row."""
        return cls(
            id=row.pk,
            session_id=row.session_id,
            kind=row.kind,
            subject=row.subject,
            before=row.before,
            after=row.after,
            evidence=row.evidence,
            expected=row.expected,
            status=row.status,
            made_at=row.made_at,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
            rationale=row.rationale,
            effect=row.effect,
            measured_at=row.measured_at,
        )


def list_proposals(
    session_id: UUID, *, status: str | None = None, before: int | None = None, limit: int
) -> list[ProposalFacts]:
    """Proposals of a session, newest first."""
    rows = Proposal.objects.filter(session_id=session_id).order_by("-id")
    if status is not None:
        rows = rows.filter(status=status)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return [ProposalFacts.of(each) for each in rows[:limit]]


def get_proposal(session_id: UUID, proposal_id: int) -> ProposalFacts:
    """One proposal. Raises NotFound."""
    row = Proposal.objects.filter(session_id=session_id, pk=proposal_id).first()
    if row is None:
        raise NotFound("There is no such proposal.", field="proposal")
    return ProposalFacts.of(row)
