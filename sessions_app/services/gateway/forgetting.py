"""What the gateway keeps for a while goes when that is over: answers under an Idempotency-Key, news of breakers."""

from __future__ import annotations

from datetime import datetime, timedelta

from sessions_app.models import BreakerEvent, GatewayCall
from sessions_app.selectors.gateway.policies import get_gateway_policy

BATCH = 1_000
KEEP_BREAKER_EVENTS = timedelta(days=90)


def forget_answers(*, now: datetime) -> int:
    """Let answers and keys go that are older than the policy's `keep_answers_hours`; return how many calls that were.

    The call itself stays. Its key may be used again afterwards. A batch at a time: nothing is locked for long.
    """
    hours = get_gateway_policy().terms.calls.keep_answers_hours
    old = GatewayCall.objects.filter(
        idempotency_key__isnull=False, created_at__lt=now - timedelta(hours=hours)
    ).exclude(status=GatewayCall.Status.RUNNING)
    forgotten = 0
    while found := list(old.values_list("pk", flat=True)[:BATCH]):
        forgotten += GatewayCall.objects.filter(pk__in=found).update(answer=None, idempotency_key=None, fingerprint="")
    return forgotten


def forget_breaker_events(*, now: datetime) -> int:
    """Let changes of breakers go after 90 days, a batch at a time; return how many that were."""
    old = BreakerEvent.objects.filter(at__lt=now - KEEP_BREAKER_EVENTS)
    forgotten = 0
    while found := list(old.values_list("pk", flat=True)[:BATCH]):
        forgotten += BreakerEvent.objects.filter(pk__in=found).delete()[0]
    return forgotten
