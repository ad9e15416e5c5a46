"""One question to one source: what is wanted of it, and its answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.conf import settings
from django.db.models import OuterRef, Subquery

from climate.connectors.contract import OVERLAP, Ask, Connector, Place
from climate.connectors.http import LIMITS, SourceError, SourceHttp, SourceMisbehaved, host_of
from climate.domain.belief import Judged, judge
from climate.domain.collected import Collected
from climate.domain.providers import PROVIDERS
from climate.domain.signal import Kind, Scope
from climate.domain.sources import first_missing, requests_left
from climate.models import CarbonReading, DataSource, GridZone, Region, RetentionPolicy
from climate.services.collect.memory import StoredMemory

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """What a source said, and what of it is believed."""

    collected: Collected
    judged: Judged


def answer_of(http: SourceHttp, question: Ask, *, connector: Connector) -> Believed:
    """The source's answer. Raises SourceError for whatever is wrong with it."""
    zones = frozenset(GridZone.objects.values_list("pk", flat=True))
    policy = RetentionPolicy.objects.first() or RetentionPolicy()
    archived_before = question.now - timedelta(days=policy.raw_days)
    try:
        collected = connector.collect(http, question)
        judged = judge(collected, zones=zones, archived_before=archived_before, now=question.now)
    except SourceError:
        raise
    except Exception as error:
        # Whatever an outside answer is made of, it must not stop the collection of the others.
        logger.exception("a source answered something unexpected", extra={"source": connector.provider.name})
        raise SourceMisbehaved("the answer is not in the promised format") from error
    return Believed(collected=collected, judged=judged)


@contextmanager
def http_of(source: DataSource, memory: StoredMemory, *, now: datetime) -> Iterator[SourceHttp]:
    """The way to a source, within what is left of its hourly limit."""
    hosts = [host_of(each.url) for each in settings.CLIMATE_SOURCES.values()] + settings.OUTGOING_HOSTS
    left = requests_left(
        per_hour=PROVIDERS[source.pk].requests_per_hour,
        made=source.requests_in_hour,
        hour_at=source.request_hour_at,
        now=now,
    )
    url = settings.CLIMATE_SOURCES[source.pk].url
    with SourceHttp(url, allowed_hosts=hosts, limits=LIMITS, memory=memory, now=now, requests_left=left) as http:
        yield http


def question_to(source: DataSource, connector: Connector, *, now: datetime) -> tuple[Ask, tuple[str, ...]]:
    """What to ask, and in words what is wrong with the zones that the deployment chose."""
    own = settings.CLIMATE_SOURCES[source.pk]
    zones, problems = _zones(connector, own.options.get("zones", ""))
    known = GridZone.objects.filter(pk__in=zones).values_list("pk", "latitude", "longitude")
    places = {code: (latitude, longitude) for code, latitude, longitude in known}
    zones = tuple(zone for zone in zones if zone in places)
    return (
        Ask(
            now=now,
            zones=zones,
            since=_since(source, connector, zones, now),
            places={
                code: Place(latitude=latitude, longitude=longitude)
                for code, (latitude, longitude) in places.items()
                if latitude is not None and longitude is not None
            },
            flags=_flags(source, zones),
            options=own.options,
            secrets=own.secrets,
        ),
        problems,
    )


def _flags(source: DataSource, zones: tuple[str, ...]) -> Mapping[str, str]:
    """The flag of each zone's newest reading of the source, average and lifecycle."""
    newest = CarbonReading.objects.filter(
        zone=OuterRef("pk"), source=source.pk, kind=Kind.AVERAGE, scope=Scope.LIFECYCLE
    ).order_by("-starts_at")
    flags = GridZone.objects.filter(pk__in=zones).annotate(flag=Subquery(newest.values("flag")[:1]))
    return {zone: flag for zone, flag in flags.values_list("pk", "flag") if flag}


def _zones(connector: Connector, option: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The zones to ask for: those of the source, or of active regions, unless the deployment names some."""
    chosen = tuple(dict.fromkeys(code.strip() for code in option.split(",") if code.strip()))
    if not chosen and connector.zones is not None:
        return connector.zones, ()
    if not chosen:
        used = Region.objects.filter(is_active=True).values_list("zone_id", flat=True)
        return tuple(sorted(set(used))), ()
    offered = set(connector.zones or ())
    if connector.zones is None:
        offered = set(GridZone.objects.filter(pk__in=chosen).values_list("pk", flat=True))
    problems = tuple(
        f"{code} is no zone of this source: see its setting of zones" for code in chosen if code not in offered
    )
    return tuple(code for code in chosen if code in offered), problems


def _since(source: DataSource, connector: Connector, zones: tuple[str, ...], now: datetime) -> Mapping[str, datetime]:
    """By zone, from when on to ask: by the overlap before the last success, and once an hour before the first gap.

    The overlap is counted back from when the zone was last had: during an outage sources revise too. Once an
    hour, because a period that the source never had would otherwise make each asking a long one.
    """
    earliest = _hour(now - connector.longest_look_back) + timedelta(hours=1)
    last = source.last_success_at
    if last is not None and _hour(last) == _hour(now):
        return dict.fromkeys(zones, max(last - OVERLAP, earliest))
    rows = (
        CarbonReading.objects.filter(source=source.pk, zone__in=zones, starts_at__gte=earliest, starts_at__lte=now)
        .order_by("zone", "kind", "scope", "starts_at")
        .values_list("zone", "kind", "scope", "starts_at", "period_minutes")
    )
    since = dict.fromkeys(zones, earliest)
    for zone, of_zone in groupby(rows, key=lambda row: row[0]):
        series = groupby(of_zone, key=lambda row: row[1:3])
        missing = [first_missing([row[3:5] for row in of_series], since=earliest) for _, of_series in series]
        since[zone] = max(min(last or now, *missing) - OVERLAP, earliest)
    return since


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
