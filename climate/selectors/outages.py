"""Outages and maintenance of regions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from climate.domain.outages import OutageFacts
from climate.models import RegionOutage
from climate.selectors.rows import LazyRows
from config.kernel.errors import NotFound


def list_outages(*, start: datetime, end: datetime) -> list[OutageFacts]:
    """Outages and maintenance in force at any moment of [start, end), by region and start. One query."""
    touching = RegionOutage.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=start), starts_at__lt=end, is_withdrawn=False
    )
    return [_facts(each) for each in touching.order_by("region_id", "starts_at", "pk")]


def list_all_outages(*, region: str | None = None, ends_after: datetime | None = None) -> Sequence[OutageFacts]:
    """All that were entered, last begun first; `ends_after`: only those that are not over then. A query a slice."""
    found = RegionOutage.objects.order_by("-starts_at", "-pk")
    if region is not None:
        found = found.filter(region_id=region)
    if ends_after is not None:
        found = found.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=ends_after), is_withdrawn=False)
    return LazyRows(found, _facts)


def get_outage(outage_id: int) -> OutageFacts:
    """One of them. Raises NotFound."""
    found = RegionOutage.objects.filter(pk=outage_id).first()
    if found is None:
        raise NotFound("There is no such outage.")
    return _facts(found)


def _facts(outage: RegionOutage) -> OutageFacts:
    return OutageFacts(
        id=outage.pk,
        region=outage.region_id,
        model_class=outage.model_class or None,
        kind=outage.kind,
        starts_at=outage.starts_at,
        ends_at=outage.ends_at,
        capacity_share=outage.capacity_share,
        reason=outage.reason,
        author=outage.author,
        created_at=outage.created_at,
        is_withdrawn=outage.is_withdrawn,
    )
