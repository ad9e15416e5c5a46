"""Asking the sources and keeping what they say. A dead source marks itself and harms nobody else."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from climate.connectors.contract import Ask
from climate.connectors.http import SourceError, SourceHttp, SourceMisbehaved, SourceRefused, host_of
from climate.connectors.registry import CONNECTORS
from climate.domain.collected import Collected, without_implausible
from climate.events import ReadingsCollected, SourceChanged
from climate.models import CarbonForecast, CarbonReading, DataSource, GridZone
from config.kernel.errors import NotFound
from config.kernel.events import publish

logger = logging.getLogger(__name__)

LONGEST_ERROR_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionResult:
    """What one collection brought: rows kept, zones they are of, and what was wrong in words."""

    source: str
    state: str
    readings: int
    forecasts: int
    zones: int
    problems: tuple[str, ...]


def collect_source(*, name: str, now: datetime) -> CollectionResult:
    """Ask one source and store its answer. A failure is stored as the source's state, never raised.

    Raises NotFound for a name that is no source.
    """
    source = DataSource.objects.filter(pk=name).first()
    if source is None or name not in CONNECTORS:
        raise NotFound(f"There is no source {name!r}.", field="source")
    try:
        collected = without_implausible(_ask(name, now))
        if not collected.readings and not collected.forecasts:
            raise SourceMisbehaved(collected.problems[0] if collected.problems else "the source had no data")
    except SourceError as error:
        return _failed(source, error, now)
    return _keep(source, collected, now)


def _ask(name: str, now: datetime) -> Collected:
    hosts = [host_of(each.url) for each in settings.CLIMATE_SOURCES.values()] + settings.OUTGOING_HOSTS
    http = SourceHttp(settings.CLIMATE_SOURCES[name].url, allowed_hosts=hosts)
    try:
        return CONNECTORS[name].collect(http, Ask(now=now))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # Whatever an outside answer is made of, it must not stop the collection of the others.
        logger.exception("a source answered something unexpected", extra={"source": name})
        raise SourceMisbehaved("the answer is not in the promised format") from error


@transaction.atomic
def _keep(source: DataSource, collected: Collected, now: datetime) -> CollectionResult:
    known = set(GridZone.objects.values_list("pk", flat=True))
    readings = [
        CarbonReading(
            zone_id=each.zone,
            source=source.pk,
            kind=each.kind,
            scope=each.scope,
            starts_at=each.starts_at,
            period_minutes=each.period_minutes,
            intensity_g_per_kwh=each.intensity_g_per_kwh,
            renewable_share=each.renewable_share,
            carbon_free_share=each.carbon_free_share,
            flag=each.flag,
            received_at=now,
        )
        for each in collected.readings
        if each.zone in known
    ]
    forecasts = [
        CarbonForecast(
            zone_id=each.zone,
            source=source.pk,
            kind=each.kind,
            scope=each.scope,
            issued_at=now,
            starts_at=each.starts_at,
            period_minutes=each.period_minutes,
            intensity_g_per_kwh=each.intensity_g_per_kwh,
        )
        for each in collected.forecasts
        if each.zone in known
    ]
    CarbonReading.objects.bulk_create(
        readings,
        update_conflicts=True,
        unique_fields=["zone", "source", "kind", "scope", "starts_at"],
        update_fields=[
            "period_minutes",
            "intensity_g_per_kwh",
            "renewable_share",
            "carbon_free_share",
            "flag",
            "received_at",
        ],
        batch_size=500,
    )
    _replace_forecasts(source.pk, forecasts)
    was = source.state
    DataSource.objects.filter(pk=source.pk).update(
        state=DataSource.State.OK,
        last_attempt_at=now,
        last_success_at=now,
        latest_period_at=max((each.starts_at for each in readings), default=source.latest_period_at),
        consecutive_failures=0,
        last_error="; ".join(collected.problems)[:LONGEST_ERROR_CHARACTERS],
    )
    zones = tuple(sorted({each.zone_id for each in readings} | {each.zone_id for each in forecasts}))
    publish(ReadingsCollected(source=source.pk, zones=zones, at=now))
    if was != DataSource.State.OK:
        publish(SourceChanged(source=source.pk, state=DataSource.State.OK, at=now))
    return CollectionResult(
        source=source.pk,
        state=DataSource.State.OK,
        readings=len(readings),
        forecasts=len(forecasts),
        zones=len(zones),
        problems=collected.problems,
    )


def _replace_forecasts(source: str, forecasts: list[CarbonForecast]) -> None:
    """Keep the last forecast of each period: every issue of every period would grow by 200,000 rows a day.

    A series is replaced from the new issue's first period on; what it does not reach keeps the older one.
    """
    first_of: dict[tuple[str, str, str], datetime] = {}
    for each in forecasts:
        series = (each.zone_id, each.kind, each.scope)
        first_of[series] = min(each.starts_at, first_of.get(series, each.starts_at))
    for (zone, kind, scope), first in first_of.items():
        CarbonForecast.objects.filter(
            zone_id=zone, source=source, kind=kind, scope=scope, starts_at__gte=first
        ).delete()
    CarbonForecast.objects.bulk_create(forecasts, ignore_conflicts=True, batch_size=500)


@transaction.atomic
def _failed(source: DataSource, error: SourceError, now: datetime) -> CollectionResult:
    state = DataSource.State.REFUSED if isinstance(error, SourceRefused) else DataSource.State.FAILING
    words = str(error)[:LONGEST_ERROR_CHARACTERS]
    logger.warning("a source failed", extra={"source": source.pk, "reason": words})
    DataSource.objects.filter(pk=source.pk).update(
        state=state, last_attempt_at=now, consecutive_failures=source.consecutive_failures + 1, last_error=words
    )
    # Also while it goes on failing: the age of what is shown has grown.
    publish(SourceChanged(source=source.pk, state=state, at=now))
    return CollectionResult(source=source.pk, state=state, readings=0, forecasts=0, zones=0, problems=(words,))
