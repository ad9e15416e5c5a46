"""A round ends: by agreement, by its limit of cycles, because nothing new is said, or by somebody's word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.transactions import transactional
from sessions_app.domain.agreement import Decision, MarkKind, Tally, tally_of
from sessions_app.domain.words import FactKind, Stance
from sessions_app.models import Round, Session, Turn
from sessions_app.selectors.policies import terms_of
from sessions_app.selectors.rounds import answers_of, said_of
from sessions_app.services.log import Draft, append, locked
from sessions_app.services.memory import add_fact

LONGEST_FACT_CHARACTERS = 1000
LONGEST_TOPIC_CHARACTERS = 300
RULES = "rules"
"""Who looked for unmarked dissent where no model was asked."""


class Why(StrEnum):
    """Why a round closed. The names are part of the API."""

    QUORUM = "quorum"
    MOST_CYCLES = "most_cycles"
    STALLED = "stalled"
    CLOSED = "closed"


@transactional
def close_round(
    *,
    session_id: UUID,
    team_id: int,
    round_id: UUID,
    verdict: Decision | None = None,
    reason: str = "",
    actor: str,
    now: datetime,
) -> None:
    """Close a round by somebody's word; with `verdict`, what was right, agents' confidence is calibrated.

    A round that closed by itself can be given its verdict, once. Raises Conflict `round_closed`,
    InvalidInput naming `verdict` or `reason`, NotFound.
    """
    if verdict is Decision.NONE:
        raise InvalidInput("A verdict is agree or dissent.", field="verdict")
    if verdict is not None and not reason.strip():
        raise InvalidInput("Say why that is right.", field="reason", code="required")
    session = locked(session_id, team_id=team_id)
    row = locked_round(session, round_id)
    if row.status == Round.Status.CLOSED and (verdict is None or row.outcome.get("verdict")):
        raise Conflict("This round is closed.", code="round_closed")
    if row.status == Round.Status.OPEN:
        turns = list(row.turns.order_by("cycle", "id"))
        said = said_of(turns, answers_of(session.team_id, row.agents))
        tally = tally_of(said, asked=len(row.agents), agree_percent=terms_of(session).agreement.agree_percent)
        conclude(session, row, turns, tally, Why.CLOSED, actor=actor, now=now)
    _judge(session, row, verdict, reason.strip(), actor, now)


def locked_round(session: Session, round_id: UUID) -> Round:
    """A round of a locked session. Raises NotFound."""
    row = Round.objects.select_for_update().filter(pk=round_id, session=session).first()
    if row is None:
        raise NotFound("There is no such round.", field="round")
    return row


def conclude(
    session: Session,
    row: Round,
    turns: Sequence[Turn],
    tally: Tally,
    why: Why,
    *,
    actor: str,
    now: datetime,
    judged_by: str = "",
) -> None:
    """Close a round of a locked session with what it came to. Every dissent is kept with its reason, as a fact.

    `judged_by` is the model that looked for unmarked dissent in the last cycle; empty: the rules alone did.
    """
    last = {each.agent: each for each in turns}
    dissents = [each for each in last.values() if each.stance == Stance.DISSENT]
    row.outcome = {
        **asdict(tally),
        "why": why.value,
        "cycles": row.cycle,
        "dissents": [_dissent(each) for each in dissents],
        "unmarked": [_raised(each, mark) for each in last.values() for mark in each.marks if _is_question(mark)],
        "verdict": None,
        "settled_by": "",
        "reason": "",
        "judged_by": judged_by or RULES,
    }
    row.status, row.closed_at = Round.Status.CLOSED, max(now, session.last_event_at)
    row.save(update_fields=["outcome", "status", "closed_at"])
    facts = {
        "round": str(row.pk),
        "decision": tally.decision.value,
        "agreement_percent": tally.agreement_percent,
        "why": why.value,
        "dissents": [each.agent for each in dissents],
    }
    append(session, Draft(kind="round.closed", actor=actor, facts=facts), now=now)
    for each in dissents:
        _record(session, FactKind.DISSENT, f"{each.agent} on {_topic(row)} {each.reason}", actor, now, agent=each.agent)
    if tally.decision is not Decision.NONE:
        words = "agreed to" if tally.decision is Decision.AGREE else "agreed against"
        share = max(tally.agreement_percent, 100 - tally.agreement_percent)
        _record(session, FactKind.DECISION, f"Round {words} ({share:g} %): {row.topic}", actor, now)


def _judge(session: Session, row: Round, verdict: Decision | None, reason: str, actor: str, now: datetime) -> None:
    row.outcome |= {"settled_by": actor, "reason": reason, "verdict": verdict.value if verdict else None}
    row.save(update_fields=["outcome"])
    if verdict is None:
        return
    facts = {"round": str(row.pk), "verdict": verdict.value, "reason": reason[:200]}
    append(session, Draft(kind="round.judged", actor=actor, facts=facts), now=now)


def _topic(row: Round) -> str:
    return f"'{row.topic[:LONGEST_TOPIC_CHARACTERS]}':"


def _record(session: Session, kind: FactKind, text: str, actor: str, now: datetime, *, agent: str = "") -> None:
    add_fact(session, kind=kind, text=text[:LONGEST_FACT_CHARACTERS], agent=agent, actor=actor, now=now)


def _dissent(turn: Turn) -> dict[str, Any]:
    return {"agent": turn.agent, "cycle": turn.cycle, "confidence": turn.confidence, "reason": turn.reason}


def _raised(turn: Turn, mark: dict[str, Any]) -> dict[str, Any]:
    return {**mark, "raised_of": turn.agent, "cycle": turn.cycle}


def _is_question(mark: dict[str, Any]) -> bool:
    return bool(mark["kind"] != MarkKind.REPEAT)
