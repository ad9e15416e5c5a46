"""What a node of the tree stands for."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """The names are part of the API."""

    ORGANISATION = "organisation"
    TEAM = "team"
    SESSION = "session"
    AGENT = "agent"
    PHASE = "phase"
    OPERATION = "operation"


_BELOW = {Level.ORGANISATION: Level.TEAM, Level.TEAM: Level.SESSION, Level.SESSION: Level.AGENT}


def level_below(parent: Level | None, *, has_team: bool) -> Level:
    """The level of a new node that names none: the next below its parent; agents have agents below."""
    if parent is None:
        return Level.TEAM if has_team else Level.ORGANISATION
    if parent is Level.ORGANISATION and not has_team:
        return Level.ORGANISATION
    return _BELOW.get(parent, Level.AGENT)
