"""Proposals: made by analysis, decided by a person, applied to one session, measured afterwards."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from budgets.selectors import get_budget
from budgets.services import allot
from config.kernel.errors import Conflict, DomainError, InvalidInput, NotAllowed, NotFound
from config.kernel.terms import TermError
from config.kernel.transactions import transactional
from sessions_app.domain.analysis import Evidence, Suggestion, is_enough, metric_of, suggest
from sessions_app.domain.terms import SessionTerms
from sessions_app.models import Proposal, Session
from sessions_app.selectors.evidence import evidence_of
from sessions_app.selectors.policies import overridden, terms_of
from sessions_app.services.log import Draft, append, locked

logger = logging.getLogger(__name__)
RECENT = timedelta(hours=1)
ACTOR = "analysis"
LONGEST_RATIONALE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """Who decides. `is_person`: not a program with a key. `may_change_budgets`: those of the team."""

    actor: str
    is_person: bool
    may_change_budgets: bool


def propose_everywhere(*, now: datetime) -> int:
    """Analyse the open sessions in which something happened lately; return how many proposals were made."""
    rows = Session.objects.filter(status=Session.Status.OPEN, last_event_at__gt=now - RECENT).order_by("pk")
    made = 0
    for session_id, team_id in rows.values_list("pk", "team_id"):
        try:
            made += len(analyse(session_id=session_id, team_id=team_id, actor=ACTOR, now=now))
        except DomainError as refusal:
            logger.info("no analysis", extra={"session": str(session_id), "code": refusal.code})
    return made


@transactional
def analyse(*, session_id: UUID, team_id: int, actor: str, now: datetime) -> list[int]:
    """Propose what a session could do better; return the ids of new proposals, none where nothing is news.

    Of each kind only what happened since its last decision counts. A newer proposal takes the place of an
    open one of the same subject; one that still stands stays.
    """
    session = locked(session_id, team_id=team_id)
    terms, read = terms_of(session), dict[datetime | None, Evidence]()
    found = []
    for kind in Proposal.Kind.values:
        since = _decided_at(session, kind)
        if since not in read:
            read[since] = evidence_of(session, since=since)
        found += [each for each in suggest(read[since], terms) if each.kind == kind]
    return [made for each in found if (made := _put(session, each, actor, now)) is not None]


@transactional
def decide_proposal(
    *,
    session_id: UUID,
    team_id: int,
    proposal_id: int,
    is_accepted: bool,
    rationale: str,
    decider: Decider,
    now: datetime,
) -> None:
    """Accept or reject a proposal, by a person and with a reason. Accepted, it is in force at once.

    Raises NotAllowed `person_needed`, InvalidInput naming `rationale`, NotFound, Conflict `already_decided`
    or `stale` (its terms or its budget have changed since).
    """
    if not decider.is_person:
        raise NotAllowed("A person decides on proposals: sign in.", code="person_needed")
    if not rationale.strip():
        raise InvalidInput("Say why.", field="rationale", code="required")
    session = locked(session_id, team_id=team_id)
    row = Proposal.objects.select_for_update().filter(pk=proposal_id, session=session).first()
    if row is None:
        raise NotFound("There is no such proposal.", field="proposal")
    if row.status != Proposal.Status.OPEN:
        raise Conflict(f"This proposal is {row.status}.", code="already_decided")
    if is_accepted:
        _apply(session, row, rationale, decider, now)
    row.status = Proposal.Status.ACCEPTED if is_accepted else Proposal.Status.REJECTED
    row.decided_by, row.decided_at = decider.actor, max(now, session.last_event_at)
    row.rationale = rationale.strip()[:LONGEST_RATIONALE]
    row.save(update_fields=["status", "decided_by", "decided_at", "rationale"])
    facts = {"status": row.status, "rationale": row.rationale, **_named(row)}
    append(session, Draft(kind="proposal.decided", actor=decider.actor, facts=facts), now=now)


def measure_effects(*, now: datetime) -> int:
    """Measure what accepted proposals brought, once enough has happened since; return how many were measured."""
    rows = Proposal.objects.filter(status=Proposal.Status.ACCEPTED, measured_at=None)
    measured = 0
    for proposal_id, session_id in rows.order_by("pk").values_list("pk", "session_id"):
        measured += _measure(proposal_id, session_id, now)
    return measured


@transactional
def _measure(proposal_id: int, session_id: UUID, now: datetime) -> bool:
    session = locked(session_id, may_be_ended=True)
    row = Proposal.objects.select_for_update().get(pk=proposal_id)
    name = row.expected["metric"]
    evidence = evidence_of(session, since=row.decided_at)
    is_over = session.status == Session.Status.ENDED
    after = metric_of(name, evidence, subject=row.subject)
    if row.measured_at is not None or not (is_over or is_enough(name, evidence)):
        return False
    row.effect = {
        "metric": name,
        "before": row.expected["before"],
        "expected": row.expected["after"],
        "after": None if after is None else round(after, 2),
        "calls": evidence.calls,
        "is_enough": is_enough(name, evidence),
    }
    row.measured_at = now
    row.save(update_fields=["effect", "measured_at"])
    if not is_over:
        append(session, Draft(kind="proposal.measured", actor=ACTOR, facts={**_named(row), **row.effect}), now=now)
    return True


def _decided_at(session: Session, kind: str) -> datetime | None:
    decided = Proposal.objects.filter(session=session, kind=kind, decided_at__isnull=False).order_by("-decided_at")
    return decided.values_list("decided_at", flat=True).first()


def _put(session: Session, found: Suggestion, actor: str, now: datetime) -> int | None:
    known = Proposal.objects.filter(
        session=session, kind=found.kind, subject=found.subject, status=Proposal.Status.OPEN
    ).first()
    if known is not None and (known.before, known.after) == (found.before, found.after):
        return None
    if known is not None:
        known.status = Proposal.Status.WITHDRAWN
        known.save(update_fields=["status"])
    row = Proposal.objects.create(
        session=session,
        kind=found.kind,
        subject=found.subject,
        before=found.before,
        after=found.after,
        evidence=found.evidence,
        expected=found.expected,
        made_at=now,
    )
    append(session, Draft(kind="proposal.made", actor=actor, facts={**_named(row), "after": row.after}), now=now)
    return row.pk


def _apply(session: Session, row: Proposal, rationale: str, decider: Decider, now: datetime) -> None:
    if row.kind == Proposal.Kind.BUDGET:
        _allot(row, rationale, decider, now)
        return
    if _terms_now(session, row.before) != row.before:
        raise _stale("the terms have changed since")
    overrides = {**session.overrides, **row.after}
    try:
        SessionTerms.read(overridden(session.policy.body, overrides))
    except TermError as error:
        raise _stale(str(error)) from error
    session.overrides = overrides
    session.save(update_fields=["overrides"])


def _allot(row: Proposal, rationale: str, decider: Decider, now: datetime) -> None:
    if not decider.may_change_budgets:
        raise NotAllowed("You may not change budgets of this team.", code="not_allowed")
    reason = f"proposal {row.pk} of a session: {rationale}"[:LONGEST_RATIONALE]
    budget_id, limit = UUID(row.subject), Decimal(row.after["limit"])
    if str(get_budget(budget_id).base_limit) != row.before["limit"]:
        raise _stale("the budget was allotted otherwise")
    allot(budget_id=budget_id, limit=limit, actor=decider.actor, reason=reason, now=now)


def _terms_now(session: Session, keys: Mapping[str, Any]) -> dict[str, Any]:
    body = overridden(session.policy.body, session.overrides)
    found = {}
    for key in keys:
        value: Any = body
        for name in key.split("."):
            value = value[name]
        found[key] = value
    return found


def _named(row: Proposal) -> dict[str, Any]:
    return {"proposal": row.pk, "kind": row.kind, "subject": row.subject}


def _stale(why: str) -> Conflict:
    return Conflict(f"This proposal cannot be done any more: {why}. Analyse again, or reject it.", code="stale")
