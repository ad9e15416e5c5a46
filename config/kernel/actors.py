"""How ledgers, decisions and histories name who acted."""

from __future__ import annotations

PERSON = "person "
KEY = "key "
LONGEST_CHANGE_REASON = 100  # the column of django-simple-history


def person_actor(username: str) -> str:
    """A person who is logged in."""
    return f"{PERSON}{username}"


def key_actor(prefix: str) -> str:
    """An API key, by the part of it that is shown."""
    return f"{KEY}{prefix}"


def change_reason(actor: str, reason: str = "") -> str:
    """Who and why, as histories keep it in one column: `person ann: Monsoon.`; without a reason, who alone."""
    return (f"{actor}: {reason}" if reason else actor)[:LONGEST_CHANGE_REASON]
