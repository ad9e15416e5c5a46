"""Promising the capacity of a region's hour. Never more than it has."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from config.kernel.errors import Conflict
from market.models import RegionHour


class HourFull(Conflict):
    """Another request has just taken the room this one counted on. Decide again."""

    code = "hour_full"


def promise(*, region_code: str, model_class: str, starts_at: datetime, tokens: int, capacity_tokens: int) -> None:
    """Take `tokens` of a region's hour. Raises HourFull if they are not free any more."""
    key = {"region_id": region_code, "model_class": model_class, "starts_at": starts_at}
    rows = RegionHour.objects.filter(**key)
    if not rows.exists():
        RegionHour.objects.bulk_create([RegionHour(**key, capacity_tokens=capacity_tokens)], ignore_conflicts=True)
    # An administrator may have changed the region's capacity since this hour was first used.
    rows.exclude(capacity_tokens=capacity_tokens).filter(promised_tokens__lte=capacity_tokens).update(
        capacity_tokens=capacity_tokens
    )
    if not rows.filter(capacity_tokens__gte=F("promised_tokens") + tokens).update(
        promised_tokens=F("promised_tokens") + tokens
    ):
        raise HourFull("This hour has just filled up.")


def give_back(*, region_code: str, model_class: str, starts_at: datetime, tokens: int) -> None:
    """Free tokens that were promised and will not be used."""
    RegionHour.objects.filter(region_id=region_code, model_class=model_class, starts_at=starts_at).update(
        promised_tokens=F("promised_tokens") - tokens
    )
