"""Reference data: countries, zones, regions and sources, from `climate/data` into the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from django.db import models, transaction
from simple_history.utils import bulk_create_with_history

from climate.models import Country, DataSource, GridZone, LatencyBand, Region, RegionCapacity, RetentionPolicy, ZoneYear
from climate.services import reference_rows as rows
from climate.services.emergency_policies import add_shipped_policy

Progress = Callable[[str, int], None]
M = TypeVar("M", bound=models.Model)
REASON = "reference data"


@transaction.atomic
def load_reference(*, now: datetime, progress: Progress | None = None) -> dict[str, int]:
    """Add every reference row that is missing and return how many were added, by kind.

    Rows that exist are left alone, whoever wrote them: what an administrator edited stays. A row
    an administrator deleted comes back; to retire a region, make it inactive. Every row
    begins its history here, so that its first change by a person shows what was before. `progress`
    is called with a kind and its number as each kind is done.
    """
    loaders: list[tuple[str, Callable[[], int]]] = [
        ("countries", lambda: _add_missing(Country, rows.countries(), now)),
        ("zones", lambda: _add_missing(GridZone, rows.zones(), now)),
        ("zone_years", lambda: _add_missing(ZoneYear, rows.zone_years(), now, key=("zone_id", "year"))),
        ("regions", lambda: _add_missing(Region, rows.regions(), now)),
        ("capacities", lambda: _add_capacities(now)),
        ("latency_bands", lambda: _add_missing(LatencyBand, rows.latency_bands(), now, key=("distance_km",))),
        ("sources", lambda: _add_missing(DataSource, rows.sources(), now)),
        ("retention_policies", lambda: _add_missing(RetentionPolicy, [RetentionPolicy(pk=1)], now)),
        ("emergency_policies", lambda: add_shipped_policy(now=now)),
    ]
    added: dict[str, int] = {}
    for kind, load in loaders:
        added[kind] = load()
        if progress:
            progress(kind, added[kind])
    return added


def _add_missing(model: type[M], found: Iterable[M], now: datetime, *, key: tuple[str, ...] = ("pk",)) -> int:
    known = set(model._default_manager.values_list(*key))
    missing = [each for each in found if tuple(getattr(each, name) for name in key) not in known]
    bulk_create_with_history(missing, model, batch_size=500, default_change_reason=REASON, default_date=now)
    return len(missing)


def _add_capacities(now: datetime) -> int:
    """Capacities of regions that have none at all: an administrator may have removed single classes."""
    served = set(RegionCapacity.objects.values_list("region_id", flat=True))
    unserved = (each for each in rows.capacities() if each.region_id not in served)
    return _add_missing(RegionCapacity, unserved, now, key=("region_id", "model_class"))
