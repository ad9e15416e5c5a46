"""Outages and maintenance of regions: entered, ended, withdrawn by people, each kept with its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from climate.domain.model_classes import MODEL_CLASSES
from climate.events import OutageChanged
from climate.models import Region, RegionOutage
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.events import publish

EARLIEST_START = timedelta(days=7)
"""Before it is entered: somebody may learn of it late. What was decided meanwhile stays."""
LATEST_END = timedelta(days=366 * 2)
LONGEST_HISTORY_REASON = 100  # the column of django-simple-history


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOutage:
    """What a person enters. `model_class` None: all; `starts_at` None: now; `ends_at` None: until it is ended."""

    region: str
    kind: str
    capacity_share: float
    reason: str
    model_class: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@transaction.atomic
def add_outage(new: NewOutage, *, by: str, now: datetime) -> int:
    """Enter an outage or maintenance and return its id. Raises InvalidInput naming the field at fault."""
    starts_at = new.starts_at or now
    _check(new, starts_at, now)
    outage = RegionOutage(
        region_id=new.region,
        model_class=new.model_class or "",
        kind=new.kind,
        starts_at=starts_at,
        ends_at=new.ends_at,
        capacity_share=new.capacity_share,
        reason=new.reason.strip(),
        author=by,
        created_at=now,
    )
    _save(outage, f"entered: {new.reason.strip()}", now)
    return outage.pk


@transaction.atomic
def end_outage(*, outage_id: int, reason: str, by: str, now: datetime) -> None:
    """End it now, or withdraw it where it has not begun.

    The hour that is running still counts as touched. Raises NotFound, InvalidInput (`reason`) and
    Conflict where it is over.
    """
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")
    outage = RegionOutage.objects.select_for_update().filter(pk=outage_id).first()
    if outage is None:
        raise NotFound("There is no such outage.")
    if outage.is_withdrawn or (outage.ends_at is not None and outage.ends_at <= now):
        raise Conflict("This is over already. Nothing was changed.")
    if outage.starts_at >= now:
        outage.is_withdrawn = True
    else:
        outage.ends_at = now
    _save(outage, f"{'withdrawn' if outage.is_withdrawn else 'ended'} by {by}: {reason.strip()}", now)


def _check(new: NewOutage, starts_at: datetime, now: datetime) -> None:
    if not Region.objects.filter(pk=new.region).exists():
        raise InvalidInput("There is no such region.", field="region", code="unknown_region")
    if new.model_class and new.model_class not in MODEL_CLASSES:
        raise InvalidInput(f"Choose one of {', '.join(MODEL_CLASSES)}, or none for all.", field="model_class")
    if new.kind not in RegionOutage.Kind.values:
        raise InvalidInput(f"Choose one of {', '.join(RegionOutage.Kind.values)}.", field="kind")
    if not 0 <= new.capacity_share < 1:
        raise InvalidInput("The share that is left is from 0 to below 1.", field="capacity_share")
    if not new.reason.strip():
        raise InvalidInput("Say what happened or is planned.", field="reason")
    if starts_at < now - EARLIEST_START:
        raise InvalidInput(f"A start is at most {EARLIEST_START.days} days back.", field="starts_at")
    if starts_at > now + LATEST_END:
        raise InvalidInput(f"A start is at most {LATEST_END.days} days ahead.", field="starts_at")
    if new.ends_at is not None and new.ends_at <= max(starts_at, now):
        raise InvalidInput("The end must be after the start and after now.", field="ends_at")
    if new.ends_at is not None and new.ends_at > now + LATEST_END:
        raise InvalidInput(f"An end is at most {LATEST_END.days} days ahead.", field="ends_at")


def _save(outage: RegionOutage, why: str, now: datetime) -> None:
    outage._change_reason = why[:LONGEST_HISTORY_REASON]  # type: ignore[attr-defined]  # read by simple-history
    outage._history_date = now  # type: ignore[attr-defined]
    outage.save()
    publish(OutageChanged(outage_id=outage.pk, region=outage.region_id, at=now))
