"""Handoffs: how they stand, and what successors begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from config.kernel.errors import Conflict, NotFound
from sessions_app.domain.handoff.packages import DamagedPackage, Package, unpack
from sessions_app.models import FINISHED, Handoff, HandoffMember

INNER = ("sorts", "luggage", "again_at")
"""Parts of a plan that only the next one is made of, or begun by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """An agent in a handoff; epochs of the instances that it goes from and to. Sizes before compression."""

    agent: str
    epoch_from: int
    epoch_to: int | None
    vote: str
    voted_at: datetime | None
    reason: str
    copied_seq: int
    copied_bytes: int
    copy_ms: float
    sha256: str
    has_package: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffFacts:
    """A handoff with its members, by name. `id` is its number: pages count by it."""

    id: int
    protocol: str
    reason: str
    phase: str
    quorum_percent: int
    deadline_at: datetime
    checkpoint_id: int | None
    copied_seq: int
    switched_seq: int | None
    rounds: int
    plan: dict[str, Any]
    measures: dict[str, Any]
    checks: dict[str, Any]
    failure: str
    started_by: str
    started_at: datetime
    moved_at: datetime
    finished_at: datetime | None
    members: tuple[MemberFacts, ...]


def list_handoffs(session_id: UUID, *, before: int | None = None, limit: int = 50) -> list[HandoffFacts]:
    """Handoffs of a session, newest first, in three queries."""
    rows = Handoff.objects.filter(session=session_id)
    if before is not None:
        rows = rows.filter(number__lt=before)
    found = list(rows.order_by("-number")[:limit])
    members = _members([each.pk for each in found])
    return [_facts(each, members.get(each.pk, ())) for each in found]


def get_handoff(session_id: UUID, number: int) -> HandoffFacts:
    """One handoff by its number. Raises NotFound."""
    row = get_handoff_row(session_id, number)
    return _facts(row, _members([row.pk]).get(row.pk, ()))


def get_handoff_row(session_id: UUID, number: int, *, team_id: int | None = None) -> Handoff:
    """The row of a handoff. Raises NotFound, also for another team's."""
    rows = Handoff.objects.filter(session=session_id, number=number)
    row = (rows if team_id is None else rows.filter(session__team=team_id)).first()
    if row is None:
        raise NotFound("The session has no such handoff.", field="handoff")
    return row


def list_unfinished_handoffs(*, session_id: UUID | None = None) -> list[int]:
    """Ids of handoffs that somebody must carry on, oldest first."""
    rows = Handoff.objects.exclude(phase__in=FINISHED)
    if session_id is not None:
        rows = rows.filter(session=session_id)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def get_package(session_id: UUID, number: int, agent: str) -> Package:
    """What the successor of an agent begins with.

    Raises NotFound (code `not_packed` before it was made, `package_dropped` once a later handoff is
    complete or if this one was aborted), or Conflict with code `package_damaged`.
    """
    handoff = get_handoff_row(session_id, number)
    member = HandoffMember.objects.filter(handoff=handoff, agent=agent).first()
    if member is None:
        raise NotFound("This agent is not in the handoff.", field="agent")
    if member.package is None or member.sha256 is None:
        code = "package_dropped" if handoff.phase in FINISHED else "not_packed"
        raise NotFound("There is no package of this agent.", field="agent", code=code)
    try:
        return unpack(bytes(member.package), bytes(member.sha256))
    except DamagedPackage as error:
        raise Conflict(str(error), field="agent", code="package_damaged") from error


def _members(handoff_ids: Sequence[int]) -> dict[int, tuple[MemberFacts, ...]]:
    rows = HandoffMember.objects.filter(handoff__in=handoff_ids).select_related("source", "target").defer("package")
    found: dict[int, tuple[MemberFacts, ...]] = {}
    packed = set(
        HandoffMember.objects.filter(handoff__in=handoff_ids, package__isnull=False).values_list("pk", flat=True)
    )
    for row in rows.order_by("handoff", "agent"):
        facts = MemberFacts(
            agent=row.agent,
            epoch_from=row.source.epoch,
            epoch_to=row.target.epoch if row.target else None,
            vote=row.vote,
            voted_at=row.voted_at,
            reason=row.reason,
            copied_seq=row.copied_seq,
            copied_bytes=row.copied_bytes,
            copy_ms=row.copy_ms,
            sha256=bytes(row.sha256).hex() if row.sha256 else "",
            has_package=row.pk in packed,
        )
        found[row.handoff_id] = (*found.get(row.handoff_id, ()), facts)
    return found


def _facts(row: Handoff, members: Sequence[MemberFacts]) -> HandoffFacts:
    return HandoffFacts(
        id=row.number,
        protocol=row.protocol,
        reason=row.reason,
        phase=row.phase,
        quorum_percent=row.quorum_percent,
        deadline_at=row.deadline_at,
        checkpoint_id=row.checkpoint_id,
        copied_seq=row.copied_seq,
        switched_seq=row.switched_seq,
        rounds=row.rounds,
        plan={name: value for name, value in row.plan.items() if name not in INNER},
        measures=row.measures,
        checks=row.checks,
        failure=row.failure,
        started_by=row.started_by,
        started_at=row.started_at,
        moved_at=row.moved_at,
        finished_at=row.finished_at,
        members=tuple(members),
    )
