"""Reference data: countries, zones, regions and sources, from `climate/data` into the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from django.db import models, transaction

from climate.models import Country, DataSource, GridZone, Region, RegionCapacity, ZoneYear
from climate.services import reference_rows as rows

Progress = Callable[[str, int], None]
M = TypeVar("M", bound=models.Model)


@transaction.atomic
def load_reference(*, now: datetime, progress: Progress | None = None) -> dict[str, int]:
    """Add every reference row that is missing and return how many were added, by kind.

    Rows that exist are left alone, whoever wrote them: what an administrator edited stays. A row
    an administrator deleted comes back; to retire a region, make it inactive. `progress` is
    called with a kind and its number as each kind is done.
    """
    loaders: list[tuple[str, Callable[[], int]]] = [
        ("countries", lambda: _add_missing(Country, rows.countries())),
        ("zones", lambda: _add_missing(GridZone, rows.zones())),
        ("zone_years", lambda: _add_missing(ZoneYear, rows.zone_years(), key=("zone_id", "year"))),
        ("regions", lambda: _add_missing(Region, rows.regions())),
        ("capacities", _add_capacities),
        ("sources", lambda: _add_missing(DataSource, rows.sources())),
    ]
    added: dict[str, int] = {}
    for kind, load in loaders:
        added[kind] = load()
        if progress:
            progress(kind, added[kind])
    return added


def _add_missing(model: type[M], found: Iterable[M], *, key: tuple[str, ...] = ("pk",)) -> int:
    known = set(model._default_manager.values_list(*key))
    missing = [each for each in found if tuple(getattr(each, name) for name in key) not in known]
    model._default_manager.bulk_create(missing, batch_size=500)
    return len(missing)


def _add_capacities() -> int:
    """Capacities of regions that have none at all: an administrator may have removed single classes."""
    served = set(RegionCapacity.objects.values_list("region_id", flat=True))

    def missing() -> Iterator[RegionCapacity]:
        for capacity in rows.capacities():
            if capacity.region_id not in served:
                yield capacity

    return _add_missing(RegionCapacity, missing(), key=("region_id", "model_class"))
