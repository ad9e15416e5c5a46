"""How ledgers, decisions and histories name who acted."""

from __future__ import annotations

PERSON = "person "
KEY = "key "


def person_actor(username: str) -> str:
    """A person who is logged in."""
    return f"{PERSON}{username}"


def key_actor(prefix: str) -> str:
    """An API key, by the part of it that is shown."""
    return f"{KEY}{prefix}"
