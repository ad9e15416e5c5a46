"""Background work of the climate app."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone

from climate.selectors.sources import list_due_sources
from climate.services import forecasts
from climate.services.alert_emergencies import end_overdue_emergencies
from climate.services.collect import collect_if_due, collect_source
from climate.services.reading_imports import continue_import, list_stale_imports
from climate.services.retention import retire_readings
from config.kernel.errors import DomainError, StillRunning

logger = logging.getLogger(__name__)

WAITS_AT_MOST_SECONDS = 60
"""By then the schedule has sent it again: a dead worker finds no heap of old work when it returns."""


@shared_task
def collect_due_sources(**_future: Any) -> None:
    """Have every source asked whose time has come. Runs every minute; each source has its own interval."""
    for name in list_due_sources(now=timezone.now()):
        collect_one.apply_async(kwargs={"source": name}, expires=WAITS_AT_MOST_SECONDS)


@shared_task
def collect_one(*, source: str, is_by_hand: bool = False, **_future: Any) -> None:
    """Ask one source if it is still due, or because a person wants it.

    One task for each, so that a slow source holds up nobody.
    """
    try:
        if is_by_hand:
            collect_source(name=source, now=timezone.now())
        else:
            collect_if_due(name=source, now=timezone.now())
    except StillRunning as refusal:
        logger.debug("a source is being asked already", extra={"source": source, "reason": refusal.detail})
    except DomainError as refusal:
        # Whoever ordered it was told so, unless it has become so since.
        logger.info("a source cannot be asked", extra={"source": source, "reason": refusal.detail})


@shared_task
def end_emergencies(**_future: Any) -> None:
    """Close what has passed its end. Weights fell back by themselves; the rows follow."""
    end_overdue_emergencies(now=timezone.now())


@shared_task
def retire_old_readings(**_future: Any) -> None:
    """Move readings older than the policy keeps them to the archive. Once a day; a repetition does no harm."""
    done = retire_readings(now=timezone.now())
    logger.info("old readings were archived", extra={"rows": dict(done.rows), "days": done.days})


@shared_task
def continue_reading_import(*, import_id: int, **_future: Any) -> None:
    """Check the file that was brought, or store the one that was confirmed."""
    continue_import(import_id=import_id, now=timezone.now())


@shared_task
def resume_reading_imports(**_future: Any) -> None:
    """Take up the files whose work died, or whose message was lost."""
    now = timezone.now()
    for import_id in list_stale_imports(now=now):
        continue_import(import_id=import_id, now=now)


@shared_task
def make_own_forecasts(**_future: Any) -> None:
    """Forecast the zones of which a new hour was measured. After every collection; a repetition does nothing."""
    forecasts.make_own_forecasts(now=timezone.now())


@shared_task
def keep_forecasts_good(**_future: Any) -> None:
    """Fit weights that are a day old, forecast with them, and score what has been measured. Every hour."""
    forecasts.fit_own_forecasts(now=timezone.now())
    forecasts.make_own_forecasts(now=timezone.now())
    forecasts.score_forecasts(now=timezone.now())
