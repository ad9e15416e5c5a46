"""How ledgers, decisions and histories name who acted."""

from __future__ import annotations


def person_actor(username: str) -> str:
    """A person who is logged in."""
    return f"person {username}"
