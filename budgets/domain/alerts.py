"""What budgets tell, where it goes, and what came of it: values that cross a door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from budgets.domain.units import Unit


class AlertKind(StrEnum):
    """What an alert is about. The names are part of the API."""

    PERCENT = "percent"
    AMOUNT = "amount"
    OVERDRAFT = "overdraft"
    FORECAST = "forecast"
    NOTICE = "notice"


class ChannelKind(StrEnum):
    """How a channel delivers. The names are part of the API."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class ChannelState(StrEnum):
    """How a channel is. The names are part of the API."""

    ACTIVE = "active"
    FAILING = "failing"
    """The last try failed; it is tried again."""
    OFF = "off"
    """Somebody switched it off."""
    GONE = "gone"
    """It answered 410 and was switched off."""
    SECRET_LOST = "secret_lost"  # noqa: S105 - the name of a state
    """Its secret cannot be opened with the keys of this deployment: make a new one."""


class DeliveryStatus(StrEnum):
    """Where a delivery stands. The names are part of the API."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFacts:
    """An alert. Amounts are in the budget's unit, as they were when it was recorded; None is unknown.

    `percent` is the threshold passed, or forecast to be; `amount` the absolute one passed, or what was
    overdrawn. `notice` is what a notice says. `resets_at` is known while the period of the alert lasts, unless it
    rolls.
    """

    id: int
    kind: AlertKind
    at: datetime
    budget_id: UUID
    budget_name: str
    budget_level: str
    organisation_id: int
    team_id: int | None
    team_name: str
    unit: Unit
    period: str
    period_starts_at: datetime
    resets_at: datetime | None
    percent: int | None
    amount: Decimal | None
    limit: Decimal | None
    spent: Decimal | None
    reserved: Decimal | None
    runs_out_at: datetime | None
    hold_id: UUID | None
    is_fanned_out: bool
    waiting: int
    delivered: int
    failed: int
    notice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFacts:
    """A channel, without its secret. `waiting` and `failed` count deliveries."""

    id: int
    name: str
    organisation_id: int
    organisation_name: str
    team_id: int | None
    team_name: str
    kind: ChannelKind
    address: str
    alert_kinds: tuple[AlertKind, ...]
    least_percent: int
    is_active: bool
    state: ChannelState
    created_at: datetime
    waiting: int
    failed: int
    last_delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeChannel:
    """A channel just made. `secret` is what its webhooks are signed with, shown this once; None for e-mail."""

    id: int
    secret: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFacts:
    """One try. `status_code` is None where there was no answer; `error` is empty where it arrived."""

    at: datetime
    duration_ms: int
    status_code: int | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFacts:
    """One alert on its way to one channel; `id` is the webhook-id. A test has no alert and no budget."""

    id: UUID
    channel_id: int
    channel_name: str
    alert_id: int | None
    alert_kind: AlertKind | None
    budget_id: UUID | None
    budget_name: str
    status: DeliveryStatus
    attempt_count: int
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    attempts: tuple[AttemptFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What has not arrived. `overdue_since` is the oldest due time that no worker has taken up yet."""

    not_fanned_out: int
    waiting: int
    failed: int
    oldest_waiting_at: datetime | None
    overdue_since: datetime | None
