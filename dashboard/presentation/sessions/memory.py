"""Facts, rounds and the archive of a session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from dashboard.domain.figures import ago, moment, whole
from sessions_app.selectors.archives import ArchiveRow
from sessions_app.selectors.memory import FactRow
from sessions_app.selectors.rounds import RoundFacts, TurnFacts

Row = dict[str, Any]

_KINDS = {
    "events": "events of the log",
    "item": "item of a window",
    "state": "item of the state",
    "checkpoint": "checkpoint",
    "turn": "turn of a round",
    "thread": "thread",
}
_FACTS = {"open": "warn", "failed": "bad", "dissent": "warn", "constraint": "info", "decision": "good"}
_WHY = {
    "quorum": "enough stood for the same",
    "most_cycles": "no more cycles",
    "stalled": "nobody moved any more",
    "closed": "somebody closed it",
}
_MARKS = {
    "negation": "it negates what {agent} says, who stands for the same",
    "numbers": "its figures differ from those of {agent}, who stands for the same",
    "judged": "a model that was asked finds that it contradicts {agent}, who stands for the same",
    "repeat": "it says what {agent} has said; others do not read it again",
}
_STANCES = {"agree": "good", "dissent": "bad", "abstain": "calm"}


def fact_row(fact: FactRow, *, now: datetime) -> Row:
    """A fact as it was recorded."""
    return {
        "number": fact.number,
        "kind": fact.kind,
        "tone": _FACTS.get(fact.kind, "calm"),
        "text": fact.text,
        "is_pinned": fact.is_pinned,
        "by": fact.agent,
        "ago": ago(fact.at, now=now),
        "from_seq": fact.from_seq,
    }


def archive_row(line: ArchiveRow, session_id: UUID, *, now: datetime) -> Row:
    """Something that left the log, a window or a tier."""
    return {
        "url": reverse("session-archive", args=[session_id, line.id]),
        "title": line.title,
        "kind": _KINDS[line.kind],
        "agent": line.agent,
        "strategy": line.strategy.replace("_", " "),
        "tokens": whole(line.tokens) if line.tokens else "–",
        "span": f"{line.seq_from}" if line.seq_from == line.seq_to else f"{line.seq_from} to {line.seq_to}",
        "made": ago(line.made_at, now=now),
        "made_at": moment(line.made_at),
        "sha256": line.sha256,
        "snippet": line.snippet,
        "restored": ago(line.restored_at, now=now) if line.restored_at else "",
    }


def round_row(line: RoundFacts, session_id: UUID, *, now: datetime) -> Row:
    """A round: the matter, who has answered, what came of it."""
    return {
        "url": reverse("session-round", args=[session_id, line.id]),
        "topic": line.topic,
        "agents": ", ".join(line.agents),
        "waiting": ", ".join(line.waiting_for),
        "tokens": f"{whole(line.prompt_tokens)} in, {whole(line.output_tokens)} out",
        "cycle": line.cycle,
        "word": "open, blind" if line.is_blind else line.status,
        "tone": "info" if line.status == "open" else "good",
        "begun": f"{ago(line.started_at, now=now)} by {line.started_by}",
        "turns": [_turn(turn) for turn in line.turns],
        "outcome": _outcome(line.outcome),
    }


def _outcome(outcome: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What came of a round: title, note and value of each figure; nothing while it is open."""
    if not outcome:
        return []
    sides = f"{outcome['agree']} agree, {outcome['dissent']} dissent, {outcome['abstain']} abstain"
    rows = [
        ("Decision", f"closed after cycle {outcome['cycles']}: {_WHY[outcome['why']]}", outcome["decision"]),
        ("Agreement", f"of calibrated confidence; {sides}", f"{outcome['agreement_percent']:.0f} %"),
        ("Dissents kept", "each with its reason", whole(len(outcome["dissents"]))),
        ("Unmarked dissent?", "texts that oppose the stance of their agent", whole(len(outcome["unmarked"]))),
    ]
    if outcome["verdict"]:
        rows.append(("Verdict", f"{outcome['reason']} ({outcome['settled_by']})", outcome["verdict"]))
    return rows


def _turn(turn: TurnFacts) -> Row:
    return {
        "agent": turn.agent,
        "cycle": turn.cycle,
        "stance": turn.stance,
        "tone": _STANCES[turn.stance],
        "confidence": f"{100 * turn.confidence:.0f} % sure",
        "text": turn.text,
        "reason": turn.reason,
        "marks": [_mark(mark) for mark in turn.marks],
        "tokens": f"{whole(turn.prompt_tokens)} in, {whole(turn.output_tokens)} out",
        "archive_id": turn.archive_id,
    }


def _mark(mark: Mapping[str, Any]) -> str:
    """Why a turn is raised, and beside which sentences."""
    words = _MARKS.get(mark["kind"], str(mark["kind"])).format(agent=mark["agent"])
    said = [f"“{mark[side]}”" for side in ("own", "other") if mark.get(side)]
    return f"{words}: {' / '.join(said)}" if said else f"{words}."


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')}: {_value(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "; ".join(map(_value, value)) or "none"
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value)
