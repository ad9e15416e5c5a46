"""New readings lead to new forecasts: this only asks for them."""

from __future__ import annotations

from django.core.cache import cache

from climate.domain.signal import OWN_FORECAST_SOURCE
from climate.events import ReadingsCollected
from config.kernel.events import subscribe

ASKED = "climate:own-forecasts-asked"
WAIT_SECONDS = 20
"""Sources answer one after the other: one task forecasts for all of them."""
EXPIRES_SECONDS = 3600


def connect() -> None:
    """Listen to the collections."""
    subscribe(ReadingsCollected, _readings_collected)


def _readings_collected(event: ReadingsCollected) -> None:
    from climate.tasks import make_own_forecasts

    if event.source != OWN_FORECAST_SOURCE and cache.add(ASKED, True, timeout=WAIT_SECONDS):
        make_own_forecasts.apply_async(countdown=WAIT_SECONDS, expires=EXPIRES_SECONDS)
