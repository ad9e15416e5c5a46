"""What is not there of what a source could have given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import (
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    Min,
    OuterRef,
)
from django.db.models.functions import Cast

from climate.models import CarbonReading

SERIES = ("zone", "kind", "scope")
LENGTH = ExpressionWrapper(Cast("period_minutes", IntegerField()) * timedelta(minutes=1), output_field=DurationField())
ENDS_AT = ExpressionWrapper(F("starts_at") + LENGTH, output_field=DateTimeField())


def first_gaps(*, source: str, zones: Sequence[str], since: datetime, until: datetime) -> dict[str, datetime]:
    """By zone, where its first period without a reading begins, from `since` on. Two queries, a row for each series.

    Less than a period at the very beginning does not count: `since` may lie within one. A zone of which nothing
    is missing is named with the end of its last period, one without any reading with `since`.
    """
    rows = CarbonReading.objects.filter(source=source, zone__in=zones, starts_at__gte=since, starts_at__lte=until)
    same = {name: OuterRef(name) for name in ("source", *SERIES)}
    followers = CarbonReading.objects.filter(**same, starts_at=OuterRef("ends_at"))
    ends = rows.annotate(ends_at=ENDS_AT).filter(~Exists(followers)).values(*SERIES).annotate(first=Min("ends_at"))
    begins = rows.values(*SERIES).annotate(first=Min("starts_at"), minutes=Max("period_minutes"))
    found: dict[str, datetime] = {}
    for row in ends:
        found[row["zone"]] = min(row["first"], found.get(row["zone"], row["first"]))
    for row in begins:
        if row["first"] - since >= timedelta(minutes=row["minutes"]):
            found[row["zone"]] = since
    return dict.fromkeys(zones, since) | found


def had_lately(*, source: str, zones: Sequence[str], since: datetime) -> dict[str, datetime]:
    """By zone, when something new of a period from `since` on came last. One query; zones without are left out."""
    rows = CarbonReading.objects.filter(source=source, zone__in=zones, starts_at__gte=since)
    return dict(rows.order_by().values_list("zone").annotate(Max("received_at")))
