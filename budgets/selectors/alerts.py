"""Reads of alerts, of the channels they go to and of what came of it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from budgets.domain.alerts import AlertFacts, Backlog, ChannelFacts, DeliveryFacts


def list_budget_alerts(
    *,
    team_ids: frozenset[int] | None,
    organisation_id: int | None = None,
    budget_id: UUID | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> list[AlertFacts]:
    """The newest alerts of budgets that a caller may see, newest first; None means of all teams.

    With `organisation_id` those of the organisation's own budgets, which no team owns, too.
    """
    raise NotImplementedError


def list_channels(*, team_ids: frozenset[int] | None, organisation_id: int | None = None) -> list[ChannelFacts]:
    """Channels of these teams; None means all. With `organisation_id` those of the whole organisation too."""
    raise NotImplementedError


def get_channel(channel_id: int) -> ChannelFacts:
    """One channel. Raises NotFound."""
    raise NotImplementedError


def list_deliveries(
    *,
    channel_id: int | None = None,
    alert_id: int | None = None,
    status: str | None = None,
    limit: int = 100,
) -> list[DeliveryFacts]:
    """The newest deliveries with their tries, newest first. The door has checked who may see the channel or alert."""
    raise NotImplementedError


def get_delivery(delivery_id: UUID) -> DeliveryFacts:
    """One delivery. Raises NotFound."""
    raise NotImplementedError


def get_backlog(*, now: datetime) -> Backlog:
    """How much waits or has failed, over all channels."""
    raise NotImplementedError
