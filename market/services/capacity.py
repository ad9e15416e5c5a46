"""Promising the capacity of a region's hour. Never more than it has."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import F

from climate import selectors as climate
from climate.domain.ladder import HOUR
from climate.domain.outages import tokens_left
from config.kernel.errors import Conflict
from market.models import RegionHour


class HourFull(Conflict):
    """Another request has just taken the room this one counted on. Decide again."""

    code = "hour_full"


Cell = tuple[str, str, datetime]
"""Region, model class and hour."""


def promise(*, region_code: str, model_class: str, starts_at: datetime, tokens: int, capacity_tokens: int) -> None:
    """Take `tokens` of a region's hour. Raises HourFull if they are not free any more.

    What the plan in force keeps for work that waits is not free.
    """
    key = {"region_id": region_code, "model_class": model_class, "starts_at": starts_at}
    rows = RegionHour.objects.filter(**key)
    if not rows.exists():
        RegionHour.objects.bulk_create([RegionHour(**key, capacity_tokens=capacity_tokens)], ignore_conflicts=True)
    # An administrator may have changed the region's capacity since this hour was first used.
    rows.exclude(capacity_tokens=capacity_tokens).filter(
        promised_tokens__lte=capacity_tokens - F("planned_tokens")
    ).update(capacity_tokens=capacity_tokens)
    fits = rows.filter(
        capacity_tokens__gte=F("promised_tokens") + F("planned_tokens") + tokens,
        # Where more is promised than an outage leaves, the row still has the old capacity.
        promised_tokens__lte=capacity_tokens - tokens - F("planned_tokens"),
    )
    if not fits.update(promised_tokens=F("promised_tokens") + tokens):
        raise HourFull("This hour has just filled up.")


def give_back(*, region_code: str, model_class: str, starts_at: datetime, tokens: int) -> None:
    """Free tokens that were promised and will not be used."""
    RegionHour.objects.filter(region_id=region_code, model_class=model_class, starts_at=starts_at).update(
        promised_tokens=F("promised_tokens") - tokens
    )


def lock_cells(cells: Iterable[Cell]) -> dict[Cell, RegionHour]:
    """The rows of these hours, locked in the order that everybody keeps; one that does not exist is left out."""
    wanted = set(cells)
    regions, classes, hours = ({cell[index] for cell in wanted} for index in range(3))
    rows = RegionHour.objects.filter(region__in=regions, model_class__in=classes, starts_at__in=hours)
    ordered = rows.order_by("region", "model_class", "starts_at").select_for_update(no_key=True, of=("self",))
    found = {(row.region_id, row.model_class, row.starts_at): row for row in ordered}
    return {cell: row for cell, row in found.items() if cell in wanted}


def take_planned(row: RegionHour, tokens: int) -> None:
    """Promise what a plan kept in a locked hour."""
    row.planned_tokens -= tokens
    row.promised_tokens += tokens


def drop_planned(row: RegionHour, tokens: int) -> None:
    """Free what a plan kept in a locked hour."""
    row.planned_tokens -= tokens


def keep_cells(rows: Iterable[RegionHour]) -> None:
    """Write locked hours that were changed."""
    for row in rows:
        row.save(update_fields=["planned_tokens", "promised_tokens"])


def capacity_now(rows: Collection[RegionHour]) -> dict[Cell, int]:
    """What these hours can take as their regions stand now, less outages: it may be less than when it was planned."""
    of_region = {each.code: each.capacity_tokens_per_hour for each in climate.list_regions()}
    hours = [row.starts_at for row in rows]
    outages = climate.list_outages(start=min(hours), end=max(hours) + HOUR) if hours else []
    return {
        (row.region_id, row.model_class, row.starts_at): tokens_left(
            of_region.get(row.region_id, {}).get(row.model_class, 0),
            outages,
            region=row.region_id,
            model_class=row.model_class,
            hour=row.starts_at,
        )
        for row in rows
    }
