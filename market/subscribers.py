"""Emergencies, outages and new readings lead to a new plan: this only asks for it.

Any number of events leads to one pass, and to one more where some came while it ran.
"""

from __future__ import annotations

from django.core.cache import cache

from climate import selectors as climate
from climate.domain.alerts import EmergencyState
from climate.events import EmergencyChanged, OutageChanged, ReadingsCollected
from config.kernel.errors import NotFound
from config.kernel.events import subscribe

AT_ONCE = "market:pass-asked"
AFTER_READINGS = "market:pass-asked-after-readings"
READINGS_EVERY_SECONDS = 60
"""Sources answer one after the other: one plan for all of them."""
FORGOTTEN_AFTER_SECONDS = 120
"""A request for a pass whose message was lost holds up the next one so long at most; the schedule goes on besides."""
EXPIRES_SECONDS = 600


def connect() -> None:
    """Listen, once per process."""
    subscribe(EmergencyChanged, _emergency_changed)
    subscribe(OutageChanged, _outage_changed)
    subscribe(ReadingsCollected, _readings_collected)


def _emergency_changed(event: EmergencyChanged) -> None:
    try:
        emergency = climate.get_emergency(event.emergency_id)
    except NotFound:
        return  # deleted since: it had not begun
    if emergency.is_drill or emergency.state in (EmergencyState.PROPOSED, EmergencyState.DISMISSED):
        return  # it changes no weight
    _ask(AT_ONCE, trigger=f"emergency {emergency.state}: {emergency.title}"[:40])


def _outage_changed(event: OutageChanged) -> None:
    _ask(AT_ONCE, trigger=f"outage of {event.region}"[:40])


def _readings_collected(event: ReadingsCollected) -> None:
    _ask(AFTER_READINGS, trigger="after new readings", countdown=READINGS_EVERY_SECONDS)


def _ask(key: str, *, trigger: str, countdown: int = 0) -> None:
    """Have a pass run, unless one is asked for that has not begun: it will see what this one would."""
    from market.tasks import run_asked_pass

    if cache.add(key, True, timeout=FORGOTTEN_AFTER_SECONDS):
        run_asked_pass.apply_async(
            kwargs={"trigger": trigger, "asked": key}, countdown=countdown, expires=EXPIRES_SECONDS
        )
