"""How long, how large and how often at most."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one asking. `answer_seconds` ends a server that drips; `asking_seconds` is for all answers together."""

    connect_seconds: float = 5.0
    read_seconds: float = 15.0
    answer_seconds: float = 30.0
    asking_seconds: float = 300.0
    answer_bytes: int = 5_000_000
    redirects: int = 3
    tries: int = 3
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 10.0
    longest_not_before_seconds: float = 86_400.0
    """A source that asks us to wait longer is asked again after this."""


LIMITS = Limits()
