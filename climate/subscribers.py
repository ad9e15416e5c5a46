"""New readings lead to new forecasts, files and orders of people to work: this only asks for it."""

from __future__ import annotations

from django.core.cache import cache

from climate.domain.signal import OWN_FORECAST_SOURCE
from climate.events import ReadingImportDue, ReadingsCollected, SourceOrdered
from config.kernel.events import subscribe

ASKED = "climate:own-forecasts-asked"
WAIT_SECONDS = 20
"""Sources answer one after the other: one task forecasts for all of them."""
EXPIRES_SECONDS = 3600
ORDER_EXPIRES_SECONDS = 600
"""A person who waits longer for a source to be asked has looked and ordered again."""


def connect() -> None:
    """Listen, once per process."""
    subscribe(ReadingsCollected, _readings_collected)
    subscribe(ReadingImportDue, _reading_import_due)
    subscribe(SourceOrdered, _source_ordered)


def _readings_collected(event: ReadingsCollected) -> None:
    from climate.tasks import make_own_forecasts

    if event.source != OWN_FORECAST_SOURCE and cache.add(ASKED, True, timeout=WAIT_SECONDS):
        make_own_forecasts.apply_async(countdown=WAIT_SECONDS, expires=EXPIRES_SECONDS)


def _reading_import_due(event: ReadingImportDue) -> None:
    from climate.tasks import continue_reading_import

    continue_reading_import.delay(import_id=event.import_id)  # the sweep makes up for a lost message


def _source_ordered(event: SourceOrdered) -> None:
    from climate.tasks import collect_one

    collect_one.apply_async(kwargs={"source": event.source, "is_by_hand": True}, expires=ORDER_EXPIRES_SECONDS)
