"""What sessions tell the apps above."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChanged(Event):
    """The log of a session has a new line."""

    session_id: UUID
    team_id: int
    seq: int
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRunChanged(Event):
    """A round that the gateway drives was queued, has gone on, or has ended."""

    round_id: UUID
    session_id: UUID
    team_id: int
    status: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentChanged(Event):
    """A deployment of the gateway was made, changed or removed."""

    deployment_id: int
    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerChanged(Event):
    """The breaker of a deployment changed its state."""

    deployment_id: int
    name: str
    was: str
    became: str
    reason: str
    at: datetime
