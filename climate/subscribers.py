"""New readings lead to new forecasts, and files that were brought to work: this only asks for it."""

from __future__ import annotations

from django.core.cache import cache

from climate.domain.signal import OWN_FORECAST_SOURCE
from climate.events import ReadingImportDue, ReadingsCollected
from config.kernel.events import subscribe

ASKED = "climate:own-forecasts-asked"
WAIT_SECONDS = 20
"""Sources answer one after the other: one task forecasts for all of them."""
EXPIRES_SECONDS = 3600


def connect() -> None:
    """Listen, once per process."""
    subscribe(ReadingsCollected, _readings_collected)
    subscribe(ReadingImportDue, _reading_import_due)


def _readings_collected(event: ReadingsCollected) -> None:
    from climate.tasks import make_own_forecasts

    if event.source != OWN_FORECAST_SOURCE and cache.add(ASKED, True, timeout=WAIT_SECONDS):
        make_own_forecasts.apply_async(countdown=WAIT_SECONDS, expires=EXPIRES_SECONDS)


def _reading_import_due(event: ReadingImportDue) -> None:
    from climate.tasks import continue_reading_import

    continue_reading_import.delay(import_id=event.import_id)  # the sweep makes up for a lost message
