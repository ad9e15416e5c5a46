"""One question to one source: what is wanted of it, and its answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import OuterRef, Subquery

from climate.connectors.contract import Ask, Connector, Place
from climate.connectors.http import LIMITS, SourceError, SourceHttp, SourceMisbehaved, SourceUnavailable, host_of
from climate.domain.belief import Judged, judge
from climate.domain.cleaning import cleaned
from climate.domain.collected import Collected
from climate.domain.providers import PROVIDERS
from climate.domain.reach import (
    GAPS_HOURLY_WITHIN,
    OVERLAP,
    asking_order,
    earliest_of,
    gaps_wanted_from,
    revisions_wanted_from,
)
from climate.domain.signal import Kind, Scope
from climate.domain.sources import known, requests_left
from climate.models import CarbonReading, DataSource, GridZone, Region, RetentionPolicy
from climate.selectors.gaps import first_gaps, had_lately
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
        collected = cleaned(connector.collect(http, question))
        judged = judge(collected, zones=zones, archived_before=archived_before, now=question.now)
    except SourceError:
        raise
    except Exception as error:
        # Whatever an outside answer is made of, it must not stop the collection of the others.
        logger.exception("a source answered something unexpected", extra={"source": connector.provider.name})
        raise SourceMisbehaved("the answer is not in the promised format") from error
    if http.is_silent:
        # Remembered answers are good data, and no sign of life.
        raise SourceUnavailable(next(iter(collected.problems), "the source does not answer"))
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
    had_at = had_lately(source=source.pk, zones=tuple(places), since=now - GAPS_HOURLY_WITHIN)
    zones = asking_order([zone for zone in zones if zone in places], had_at, now=now)
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
    """By zone, from when on to ask: for what may have been revised, and from a while before the first gap."""
    earliest, last = earliest_of(now, connector.longest_look_back), known(source.last_success_at, now=now)
    if last is None:
        return dict.fromkeys(zones, earliest)
    revised = revisions_wanted_from(last=last, now=now, revised_within=connector.revised_within)
    gaps_from = gaps_wanted_from(earliest=earliest, last=last, now=now)
    if gaps_from is None:
        return dict.fromkeys(zones, max(revised, earliest))
    gaps = first_gaps(source=source.pk, zones=zones, since=gaps_from, until=now)
    return {zone: max(min(revised, gaps[zone] - OVERLAP), earliest) for zone in zones}
