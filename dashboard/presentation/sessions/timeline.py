"""The log of a session in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from dashboard.domain.figures import whole
from sessions_app.selectors.state import Line

Row = dict[str, Any]
LONGEST_WORDS = 160

_KINDS = {
    "session": ("Session", "calm"),
    "agent": ("Agent", "calm"),
    "state": ("State", "good"),
    "usage": ("Call", "calm"),
    "rung": ("Ladder", "warn"),
    "allocation": ("Allocation", "info"),
    "item": ("Window", "calm"),
    "cleanup": ("Cleanup", "info"),
    "tier": ("Tier", "info"),
    "fact": ("Fact", "good"),
    "checkpoint": ("Checkpoint", "info"),
    "log": ("Log", "calm"),
    "handoff": ("Handoff", "warn"),
    "exhaustion": ("Forecast", "warn"),
    "proposal": ("Proposal", "info"),
    "round": ("Round", "info"),
    "thread": ("Thread", "calm"),
}

_TOLD = {
    "usage.recorded": ("agent", "operation", "subject", "input_tokens", "output_tokens"),
    "item.loaded": ("agent", "items"),
    "cleanup.done": ("agent", "reason", "tokens_before", "tokens_after"),
    "checkpoint.made": ("reason", "store", "keeps_text"),
    "rung.reached": ("agent", "rung", "occupancy_percent"),
    "handoff.begun": ("handoff", "protocol", "reason"),
    "handoff.completed": ("handoff",),
}
"""The facts that a line tells of some kinds; of all others it tells as many as fit."""


def event_row(line: Line) -> Row:
    """An event: what kind, what happened, who did it."""
    subject, _, verb = line["kind"].partition(".")
    title, tone = _KINDS.get(subject, (subject.capitalize(), "calm"))
    return {
        "seq": line["seq"],
        "clock": line["at"][:19].replace("T", " "),
        "title": f"{title} {verb.replace('_', ' ')}",
        "tone": tone,
        "words": _words(line),
        "actor": line["actor"],
        "tokens": whole(line["tokens"]) if line["tokens"] else "",
    }


def _words(line: Line) -> str:
    """The facts of an event, and the keys of the state that it touched, in one bounded line."""
    told = [
        f"{_name(name)} {_value(value)}" for name, value in line["facts"].items() if value not in (None, "", [], {})
    ]
    if line["format"]:
        told += _touched(line["format"], json.loads(line["delta"]))
    text = ", ".join(told)
    return text if len(text) <= LONGEST_WORDS else f"{text[: LONGEST_WORDS - 1]}…"


def _touched(format: str, delta: Any) -> Iterable[str]:
    if format == "patch":
        return [f"{step.get('op')} {step.get('path')}" for step in delta]
    return [f"{'−' if value is None else ''}{name}" for name, value in delta.items()]


def _name(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return whole(value)
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, list):
        return " ".join(_value(each) for each in value)
    if isinstance(value, dict):
        return " ".join(f"{_name(name)} {_value(each)}" for name, each in value.items())
    return str(value)
