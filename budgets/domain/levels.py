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


_BELOW = {
    Level.ORGANISATION: Level.TEAM,
    Level.TEAM: Level.SESSION,
    Level.SESSION: Level.AGENT,
    Level.PHASE: Level.OPERATION,
    Level.OPERATION: Level.OPERATION,
}
_RANKS = {
    Level.ORGANISATION: 0,
    Level.TEAM: 1,
    Level.SESSION: 2,
    Level.PHASE: 3,
    Level.AGENT: 3,
    Level.OPERATION: 4,
}


def level_below(parent: Level | None, *, has_team: bool) -> Level:
    """The level of a new node that names none: the next below its parent; agents have agents below."""
    if parent is None:
        return Level.TEAM if has_team else Level.ORGANISATION
    if parent is Level.ORGANISATION and not has_team:
        return Level.ORGANISATION
    return _BELOW.get(parent, Level.AGENT)


def may_be_below(level: Level, parent: Level) -> bool:
    """Whether a node of `level` makes sense below one of `parent`: nothing stands below what is narrower."""
    return _RANKS[level] >= _RANKS[parent]
