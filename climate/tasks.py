"""Background work of the climate app."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.utils import timezone

from climate.selectors.sources import list_due_sources
from climate.services.collect import collect_source


@shared_task
def collect_due_sources(**_future: Any) -> None:
    """Ask every source whose time has come. Runs every minute; each source has its own interval."""
    now = timezone.now()
    for name in list_due_sources(now=now):
        collect_source(name=name, now=timezone.now())
