"""From an alert to its receivers: at least once, without anybody waiting for anybody.

`fan_out` makes a delivery for every matching channel; `deliver_due` claims what is due, sends it outside of any
transaction and notes what came of it. Whoever dies in between leaves a lease that runs out, and the same delivery,
with the same id, is sent again.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from budgets.domain.alerts import AlertKind, ChannelKind
from budgets.domain.backoff import next_try
from budgets.domain.exhaustion import ExhaustionForecast
from budgets.domain.messages import payload_of
from budgets.models import AlertChannel, AlertDelivery, BudgetAlert, DeliveryAttempt
from budgets.selectors.alerts import facts_of
from budgets.selectors.exhaustion import list_exhaustion
from budgets.services.sending import Outcome, Parcel, parcel_of, send

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=120)
"""Longer than a webhook takes (15 s), and a mail server that answers in a few seconds. One that takes 10 for each of 20
recipients is given the mail again, with the same Message-ID."""
THREADS = 8
AT_ONCE_PER_CHANNEL = 2
"""So that one slow receiver leaves most threads to the others."""
AT_ONCE_PER_PARTY = 4
"""So that neither the slow receivers of one organisation nor a slow mail server take all threads."""
TAKES_UP_SECONDS = 20.0
"""A run takes up nothing new after this: the next one goes on."""
ALERTS_PER_TRANSACTION = 100


def fan_out(*, now: datetime) -> int:
    """Make a delivery of every alert that has none yet to every matching channel; return how many were made."""
    made = 0
    # Asked before a transaction is begun: on SQLite each begins with the one lock for writing.
    while BudgetAlert.objects.filter(fanned_out_at=None).exists() and (count := _fan_out_some(now)) is not None:
        made += count
    return made


def deliver_due(*, now: datetime) -> int:
    """Fan out, then send what is due until nothing is left or the time of a run is over; return how many arrived.

    Several workers may do this at once: each delivery is claimed by one of them.
    """
    fan_out(now=now)
    began, arrived = time.monotonic(), 0
    running: dict[Future[Outcome], Parcel] = {}
    with ThreadPoolExecutor(THREADS, thread_name_prefix="deliver") as pool:
        while True:
            passed = time.monotonic() - began
            if passed < TAKES_UP_SECONDS:
                for parcel in _claim(THREADS - len(running), now=now + timedelta(seconds=passed)):
                    running[pool.submit(send, parcel, now=now + timedelta(seconds=passed))] = parcel
            if not running:
                return arrived
            done, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            at = now + timedelta(seconds=time.monotonic() - began)
            arrived += sum(note(running.pop(each), each.result(), now=at) for each in done)


# --- from alerts to deliveries ----------------------------------------------------------------


@transaction.atomic
def _fan_out_some(now: datetime) -> int | None:
    """Deliveries made of the oldest alerts; None if there is no alert to fan out."""
    waiting = BudgetAlert.objects.filter(fanned_out_at=None).select_for_update(skip_locked=True, of=("self",))
    alerts = list(waiting.select_related("budget__team").order_by("at")[:ALERTS_PER_TRANSACTION])
    if not alerts:
        return None
    channels = _channels_of({alert.budget.organisation_id for alert in alerts})
    wanted = [(alert, channel) for alert in alerts for channel in channels if _wants(channel, alert)]
    forecasts = _forecasts({alert.budget_id for alert, _ in wanted}, now=now)
    made = [_delivery(alert, channel, forecasts.get(alert.budget_id), now) for alert, channel in wanted]
    AlertDelivery.objects.bulk_create(made)
    BudgetAlert.objects.filter(pk__in=[alert.pk for alert in alerts]).update(fanned_out_at=now)
    return len(made)


def _channels_of(organisation_ids: set[int]) -> list[AlertChannel]:
    """Locked: one that is just being switched off must not get another delivery."""
    active = AlertChannel.objects.filter(organisation__in=organisation_ids, is_active=True)
    return list(active.select_for_update().order_by("pk"))


def _wants(channel: AlertChannel, alert: BudgetAlert) -> bool:
    """Whether an alert is the channel's to tell."""
    budget = alert.budget
    is_its_own = channel.organisation_id == budget.organisation_id and channel.team_id in (None, budget.team_id)
    has_percent = alert.kind in (AlertKind.PERCENT, AlertKind.FORECAST)
    is_high = not has_percent or alert.level >= channel.least_percent
    return is_its_own and is_high and (not channel.alert_kinds or alert.kind in channel.alert_kinds)


def _forecasts(budget_ids: set[UUID], *, now: datetime) -> dict[UUID, ExhaustionForecast]:
    """When these budgets run out, as far as it is known."""
    try:
        return {each.budget_id: each for each in list_exhaustion(budget_ids, now=now)}
    except ArithmeticError:  # of figures that nobody thought of: an alert without a forecast is better than none
        logger.exception("no forecast for alerts")
        return {}


def _delivery(
    alert: BudgetAlert, channel: AlertChannel, forecast: ExhaustionForecast | None, now: datetime
) -> AlertDelivery:
    payload = payload_of(facts_of(alert), forecast=forecast, public_url=settings.PUBLIC_URL)
    return AlertDelivery(alert=alert, channel=channel, payload=payload, next_attempt_at=now, created_at=now)


# --- from deliveries to receivers ---------------------------------------------------------------


def _claim(most: int, *, now: datetime) -> list[Parcel]:
    """Up to `most` due deliveries, each with a lease and a new fence; of each channel only a few at once."""
    candidates = _candidates(most, now=now) if most > 0 else []
    return _claimed(candidates, now=now) if candidates else []


@transaction.atomic
def _claimed(candidates: list[UUID], *, now: datetime) -> list[Parcel]:
    # Looked at once more under lock: what another worker has claimed meanwhile is passed over.
    locked = _due(now).filter(pk__in=candidates).select_for_update(skip_locked=True, of=("self",))
    rows = list(locked.select_related("channel").order_by("next_attempt_at"))
    AlertDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(
        leased_until=now + LEASE, fence=F("fence") + 1, attempt_count=F("attempt_count") + 1
    )
    for row in rows:
        row.fence, row.attempt_count = row.fence + 1, row.attempt_count + 1
    return [parcel_of(row) for row in rows]


def _due(now: datetime) -> QuerySet[AlertDelivery]:
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    return AlertDelivery.objects.filter(
        free, status=AlertDelivery.Status.WAITING, next_attempt_at__lte=now, channel__is_active=True
    )


def _candidates(most: int, *, now: datetime) -> list[UUID]:
    """Ids of what is due, longest due first, as far as channels and parties have not their share under way already."""
    place = Window(RowNumber(), partition_by=F("channel"), order_by=["next_attempt_at", "pk"])
    first = _due(now).annotate(place=place).filter(place__lte=AT_ONCE_PER_CHANNEL).order_by("next_attempt_at")
    due = list(first.values_list("pk", *_WHOSE))
    if not due:
        return []
    under_way = AlertDelivery.objects.filter(status=AlertDelivery.Status.WAITING, leased_until__gt=now)
    shares: Counter[Any] = Counter()
    for channel, kind, organisation in under_way.values_list(*_WHOSE):
        shares.update((channel, _party(kind, organisation)))
    found: list[UUID] = []
    for pk, channel, kind, organisation in due:
        party = _party(kind, organisation)
        if len(found) < most and shares[channel] < AT_ONCE_PER_CHANNEL and shares[party] < AT_ONCE_PER_PARTY:
            found.append(pk)
            shares.update((channel, party))
    return found


_WHOSE = ("channel", "channel__kind", "channel__organisation")


def _party(kind: str, organisation: int) -> tuple[str, int | None]:
    """Who is slow together: all e-mail, which one server takes, and the webhooks of an organisation."""
    return kind, None if kind == ChannelKind.EMAIL else organisation


@transaction.atomic
def note(parcel: Parcel, outcome: Outcome, *, now: datetime) -> bool:
    """Write down what came of a try; whether it arrived."""
    if outcome.is_gone:
        _switch_off(parcel)
    delivery = AlertDelivery.objects.select_for_update().filter(pk=parcel.delivery_id).first()
    if delivery is None:  # its channel was removed meanwhile
        return False
    DeliveryAttempt.objects.create(
        delivery=delivery,
        at=outcome.began_at,
        duration_ms=outcome.duration_ms,
        status_code=outcome.status,
        error=outcome.error[:300],
    )
    is_waiting = delivery.status == AlertDelivery.Status.WAITING
    # A worker whose lease ran out has no say any more, but that it arrived is true.
    if not outcome.error and delivery.status != AlertDelivery.Status.DELIVERED:
        delivery.status, delivery.delivered_at = AlertDelivery.Status.DELIVERED, now
    elif outcome.error and is_waiting and delivery.fence == parcel.fence:
        again = None if parcel.is_test or outcome.is_gone else _again(parcel, outcome, now)
        delivery.status = AlertDelivery.Status.WAITING if again else AlertDelivery.Status.FAILED
        delivery.next_attempt_at = again or delivery.next_attempt_at
    else:
        return not outcome.error
    delivery.leased_until = None
    delivery.save(update_fields=["status", "delivered_at", "next_attempt_at", "leased_until"])
    return not outcome.error


def _again(parcel: Parcel, outcome: Outcome, now: datetime) -> datetime | None:
    return next_try(
        attempts=parcel.attempts,
        created_at=parcel.created_at,
        now=now,
        jitter=random.random(),  # noqa: S311 - spreads tries, guards nothing
        asked_seconds=outcome.retry_after_seconds,
    )


def _switch_off(parcel: Parcel) -> None:
    """A receiver wants no more: unless somebody has given the channel another address since."""
    channel = AlertChannel.objects.select_for_update().filter(pk=parcel.channel_id, is_active=True).first()
    if channel is None or channel.address != parcel.address:
        return
    channel.is_active = False
    channel._change_reason = "the receiver answered 410: it wants no more"  # type: ignore[attr-defined]
    channel.save(update_fields=["is_active"])
    fail_waiting(channel.pk)


def fail_waiting(channel_id: int) -> None:
    """Give up what waits for a channel that was switched off."""
    waiting = AlertDelivery.objects.filter(channel=channel_id, status=AlertDelivery.Status.WAITING)
    waiting.update(status=AlertDelivery.Status.FAILED, leased_until=None)
