"""Values that nobody should believe, kept with the reason."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from django.db.models import F

from climate.domain.belief import Doubt
from climate.models import QuarantinedValue

MOST_AT_ONCE = 200
"""A source gone mad fills no disk: the rest is counted in the problems of the collection."""


def keep_doubts(*, source: str, doubts: Sequence[Doubt], now: datetime) -> None:
    """Store each value once and count how often it was seen. For within a transaction that holds the source's row."""
    seen = {_fingerprint(source, doubt): doubt for doubt in doubts[:MOST_AT_ONCE]}
    again = QuarantinedValue.objects.filter(fingerprint__in=seen)
    known = set(again.values_list("fingerprint", flat=True))
    again.update(times_seen=F("times_seen") + 1, last_seen_at=now)
    QuarantinedValue.objects.bulk_create(
        _row(source, fingerprint, doubt, now) for fingerprint, doubt in seen.items() if fingerprint not in known
    )


def _row(source: str, fingerprint: str, doubt: Doubt, now: datetime) -> QuarantinedValue:
    return QuarantinedValue(
        fingerprint=fingerprint,
        source=source,
        what=doubt.what,
        zone_code=doubt.value.zone[:24],
        kind=doubt.value.kind,
        scope=doubt.value.scope,
        starts_at=doubt.value.starts_at if doubt.value.starts_at.tzinfo else None,
        value=f"{doubt.value.intensity_g_per_kwh:g} g/kWh over {doubt.value.period_minutes} min"[:100],
        reason=doubt.reason[:300],
        first_seen_at=now,
        last_seen_at=now,
    )


def _fingerprint(source: str, doubt: Doubt) -> str:
    value = doubt.value
    parts = (source, doubt.what, value.zone, value.kind, value.scope, value.starts_at.isoformat())
    said = (*parts, repr(value.intensity_g_per_kwh), value.period_minutes, doubt.reason)
    return hashlib.sha256(repr(said).encode()).hexdigest()
