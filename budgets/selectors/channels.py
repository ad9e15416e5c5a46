"""Reads of the channels that alerts go to, and of what came of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Max, OuterRef, QuerySet, Subquery

from budgets.domain.alerts import (
    AlertKind,
    AttemptFacts,
    ChannelFacts,
    ChannelKind,
    ChannelState,
    DeliveryFacts,
    DeliveryStatus,
)
from budgets.models import AlertChannel, AlertDelivery, DeliveryAttempt
from budgets.selectors.alerts import counts_of, is_visible
from config.kernel.errors import NotFound
from config.kernel.sealing import SealBroken, unseal

SEALED_FOR = "secrets of webhooks"
"""The purpose of their seals."""
GONE = 410


def list_channels(*, team_ids: frozenset[int] | None, organisation_id: int | None = None) -> list[ChannelFacts]:
    """Channels of these teams; None means all. With `organisation_id` those of the whole organisation too."""
    rows = _channels()
    if team_ids is not None:
        rows = rows.filter(is_visible(team_ids, organisation_id))
    return [_channel_facts(row) for row in rows.order_by("organisation__name", "name")]


def get_channel(channel_id: int) -> ChannelFacts:
    """One channel. Raises NotFound."""
    row = _channels().filter(pk=channel_id).first()
    if row is None:
        raise NotFound("There is no such channel.", field="channel")
    return _channel_facts(row)


def list_deliveries(
    *,
    channel_id: int | None = None,
    alert_id: int | None = None,
    status: str | None = None,
    limit: int = 100,
) -> list[DeliveryFacts]:
    """The newest deliveries with their tries, newest first. The door has checked who may see the channel or alert."""
    wanted = {"channel": channel_id, "alert": alert_id, "status": status}
    rows = _deliveries().filter(**{name: value for name, value in wanted.items() if value is not None})
    return [_delivery_facts(row) for row in rows.order_by("-created_at", "-pk")[:limit]]


def get_delivery(delivery_id: UUID) -> DeliveryFacts:
    """One delivery. Raises NotFound."""
    row = _deliveries().filter(pk=delivery_id).first()
    if row is None:
        raise NotFound("There is no such delivery.", field="delivery")
    return _delivery_facts(row)


def with_last_try(rows: QuerySet[AlertChannel]) -> QuerySet[AlertChannel]:
    """Channels with `last_status` and `last_error`, of the last try of any of their deliveries, for `state_of`."""
    newest = DeliveryAttempt.objects.filter(delivery__channel=OuterRef("pk")).order_by("-at", "-pk")
    return rows.annotate(
        last_status=Subquery(newest.values("status_code")[:1]), last_error=Subquery(newest.values("error")[:1])
    )


def state_of(channel: Any) -> ChannelState:
    """How a channel is, from its row as `with_last_try` reads it."""
    if not channel.is_active:
        return ChannelState.GONE if channel.last_status == GONE else ChannelState.OFF
    if channel.kind == ChannelKind.WEBHOOK and not opens(channel.sealed_secret):
        return ChannelState.SECRET_LOST
    return ChannelState.FAILING if channel.last_error else ChannelState.ACTIVE


def opens(sealed_secret: str) -> bool:
    """Whether a secret can be used with the keys of this deployment."""
    try:
        unseal(sealed_secret, purpose=SEALED_FOR)
    except SealBroken:
        return False
    return True


def _channels() -> QuerySet[AlertChannel]:
    rows = with_last_try(AlertChannel.objects.select_related("organisation", "team"))
    return rows.annotate(**counts_of("deliveries"), last_delivered_at=Max("deliveries__delivered_at"))


def _channel_facts(row: Any) -> ChannelFacts:
    return ChannelFacts(
        id=row.pk,
        name=row.name,
        organisation_id=row.organisation_id,
        organisation_name=row.organisation.name,
        team_id=row.team_id,
        team_name=row.team.name if row.team else "",
        kind=ChannelKind(row.kind),
        address=row.address,
        alert_kinds=tuple(AlertKind(each) for each in row.alert_kinds),
        least_percent=row.least_percent,
        is_active=row.is_active,
        state=state_of(row),
        created_at=row.created_at,
        waiting=row.waiting_count,
        failed=row.failed_count,
        last_delivered_at=row.last_delivered_at,
    )


def _deliveries() -> QuerySet[AlertDelivery]:
    return AlertDelivery.objects.select_related("channel", "alert__budget").prefetch_related("attempts")


def _delivery_facts(row: AlertDelivery) -> DeliveryFacts:
    alert = row.alert
    status = DeliveryStatus(row.status)
    return DeliveryFacts(
        id=row.pk,
        channel_id=row.channel_id,
        channel_name=row.channel.name,
        alert_id=row.alert_id,
        alert_kind=AlertKind(alert.kind) if alert else None,
        budget_id=alert.budget_id if alert else None,
        budget_name=alert.budget.name if alert else "",
        status=status,
        attempt_count=row.attempt_count,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at if status is DeliveryStatus.WAITING else None,
        delivered_at=row.delivered_at,
        attempts=tuple(
            AttemptFacts(at=each.at, duration_ms=each.duration_ms, status_code=each.status_code, error=each.error)
            for each in row.attempts.all()
        ),
    )
