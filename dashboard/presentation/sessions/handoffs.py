"""Handoffs as the steps that they have gone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dashboard.domain.figures import ago, moment, whole
from sessions_app.domain.words import Phase
from sessions_app.selectors.handoffs import HandoffFacts, MemberFacts

Row = dict[str, Any]

PROTOCOLS = (
    ("coordinated", "Coordinated: all agents confirm"),
    ("graceful", "Graceful: most confirm"),
    ("emergency", "Emergency: nobody is waited for"),
)
_STEPS = (Phase.PREPARING, Phase.COORDINATING, Phase.TRANSFERRING, Phase.VALIDATING, Phase.COMPLETE)


def handoff_row(line: HandoffFacts, *, now: datetime) -> Row:
    """A handoff: where it stands, who is ready, what it took."""
    under_way = line.finished_at is None
    return {
        "number": line.id,
        "protocol": line.protocol,
        "reason": line.reason,
        "word": line.phase,
        "tone": {"complete": "good", "aborted": "bad"}.get(line.phase, "info"),
        "started": f"{ago(line.started_at, now=now)} by {line.started_by}",
        "is_under_way": under_way,
        "deadline": moment(line.deadline_at) if under_way else "",
        "steps": _steps(line),
        "failure": line.failure,
        "ready": sum(1 for member in line.members if member.vote == "ready"),
        "members": [_member(member) for member in line.members],
        "checks": _told(line.checks),
        "plan": _told(line.plan),
    }


def _steps(line: HandoffFacts) -> list[Row]:
    """Each phase: gone through, under way, failed or to come. An aborted one failed where its measures end."""
    at = _STEPS.index(Phase(line.phase)) if line.phase in _STEPS else len([s for s in _STEPS if s in line.measures])
    rows = []
    for index, step in enumerate(_STEPS):
        is_done = index < at or line.phase == Phase.COMPLETE
        here = "failed" if line.phase == Phase.ABORTED else "now"
        state = "done" if is_done else here if index == at else "to-come"
        took = line.measures.get(f"{step}_ms")
        rows.append({"name": step.value, "state": state, "ms": f"{took:,.0f} ms" if took is not None else ""})
    return rows


def _member(member: MemberFacts) -> Row:
    return {
        "agent": member.agent,
        "vote": member.vote or "none yet",
        "reason": member.reason,
        "copied": f"{whole(member.copied_bytes)} bytes" if member.copied_bytes else "–",
        "took": f"{member.copy_ms:,.1f} ms" if member.copy_ms else "–",
    }


def _told(values: dict[str, Any]) -> str:
    """Names and plain values of a JSON object in a line; what is nested is left to the API."""
    plain = [(name, value) for name, value in values.items() if isinstance(value, str | int | float | bool)]
    return ", ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in plain)


def _plain(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:,.6g}"
