"""The state of a session, item by item, and the points to which it can return."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from dashboard.domain.figures import ago, moment, whole
from sessions_app.domain.words import STANDARD_KEYS, Reason
from sessions_app.selectors.checkpoints import CheckpointLine
from sessions_app.selectors.state import StateFacts

Row = dict[str, Any]

_TITLES = {
    "conversation": "Conversation context",
    "decisions": "Decision history",
    "focus": "Current focus",
    "roles": "Role assignments",
    "artefacts": "Shared artefacts",
    "coordination": "Next coordination points",
}
_REASONS = {
    Reason.TOKENS: "so many tokens used",
    Reason.TIME: "so much time passed",
    Reason.THRESHOLD: "a window filled up",
    Reason.PHASE: "a phase changed",
    Reason.HANDOFF: "before a handoff",
    Reason.END: "the end",
    Reason.MANUAL: "somebody asked",
}
_STORES = {"database": "", "spool": "through the local spool", "emergency": "from an emergency record"}


def state_rows(facts: StateFacts) -> list[Row]:
    """Members of the state as indented JSON, the standard ones first."""
    known = {name: at for at, name in enumerate(STANDARD_KEYS)}
    names = sorted(facts.state, key=lambda name: (known.get(name, len(known)), name))
    return [
        {
            "name": name,
            "title": _TITLES.get(name, ""),
            "json": json.dumps(facts.state[name], indent=2, ensure_ascii=False, sort_keys=True),
            "size": whole(len(json.dumps(facts.state[name], separators=(",", ":")))),
        }
        for name in names
    ]


def checkpoint_row(line: CheckpointLine, *, now: datetime) -> Row:
    """A point to return to."""
    return {
        "id": line.id,
        "seq": line.seq,
        "at": moment(line.at),
        "ago": ago(line.at, now=now),
        "reason": _REASONS[Reason(line.reason)],
        "tier": line.tier,
        "tier_tone": "good" if line.tier == "hot" else "calm",
        "store": _STORES[line.store],
        "text": "text kept: the gate refused the summary" if line.keeps_text else "",
        "held": ", ".join(f"{agent} {whole(tokens)}" for agent, tokens in sorted(line.windows.items())),
    }
