"""`/api/v1/zones/`: grid zones, their hours, what their sources said, and how wrong forecasts were."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.scopes import Scope
from climate import selectors
from climate.api.pages import PAGING, page, paged_answer
from climate.api.parameters import moment, one_of, whole_number, yes_or_no
from climate.api.serializers import ReadingOut, ScoreOut, SignalOut, ZoneOut
from climate.domain import signal
from climate.domain.ladder import HOUR, floor_hour
from climate.domain.zones import ORDERINGS, StoredReading, choose_zones
from config.kernel.errors import InvalidInput
from config.kernel.rest import paged

LONGEST_SPAN = timedelta(days=31)
MOST_HOURS_AHEAD = 96
SCORES_OF_DAYS = 30
KINDS, SCOPES = [each.value for each in signal.Kind], [each.value for each in signal.Scope]


class ZoneListView(APIView):
    """The grid's zones."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(
        operation_id="zones_list",
        parameters=[
            OpenApiParameter("search", str, description="Words in code, name or country."),
            OpenApiParameter("country", str, description="ISO 3166-1 alpha-2."),
            OpenApiParameter("live", bool, description="Only zones with, or without, a live reading now."),
            OpenApiParameter("ordering", str, enum=[f"{sign}{name}" for name in ORDERINGS for sign in ("", "-")]),
            *PAGING,
        ],
        responses=paged(ZoneOut),
    )
    def get(self, request: Request) -> Response:
        """Every zone with its intensity in this hour and the source that is live there, by code."""
        ordering = one_of(request, "ordering", [f"{sign}{name}" for name in ORDERINGS for sign in ("", "-")])
        zones = choose_zones(
            selectors.list_zones(now=timezone.now()),
            search=request.query_params.get("search", ""),
            country_code=request.query_params.get("country"),
            is_live=yes_or_no(request, "live"),
            ordering=ordering or "code",
        )
        return paged_answer(request, self, zones, lambda rows: ZoneOut(rows, many=True).data)


class ZoneView(APIView):
    """One zone."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(operation_id="zones_read", responses=ZoneOut)
    def get(self, request: Request, zone: str) -> Response:
        """The zone with its intensity in this hour."""
        return Response(ZoneOut(selectors.get_zone(zone, now=timezone.now())).data)


class ZoneIntensityView(APIView):
    """Intensity of a zone, hour by hour or as reported."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(
        operation_id="zone_intensity",
        parameters=[
            OpenApiParameter("from", str),
            OpenApiParameter("to", str),
            OpenApiParameter("kind", str, enum=KINDS, description="As reported: readings of this kind."),
            OpenApiParameter("scope", str, enum=SCOPES, description="As reported: readings of this scope."),
            OpenApiParameter("source", str, description="As reported: readings of this source."),
            *PAGING,
        ],
        responses=paged(ReadingOut),
    )
    def get(self, request: Request, zone: str) -> Response:
        """The best that is known of each hour; the last 24 hours unless `from` and `to` say otherwise.

        With `kind`, `scope` or `source`: the readings themselves, as their sources say them now, a
        page at a time. Kinds are never mixed: `average` unless `kind` says `marginal`.
        """
        now = timezone.now()
        until = moment(request, "to", default=now)
        since = moment(request, "from", default=until - timedelta(hours=23))
        if since > until:
            raise InvalidInput("This is after `to`.", field="from")
        if until - since > LONGEST_SPAN:
            raise InvalidInput(f"Ask for at most {LONGEST_SPAN.days} days at once.", field="from")
        if {"kind", "scope", "source"} & set(request.query_params):
            readings = _as_reported(request, zone, since, until, now)
            return paged_answer(request, self, readings, lambda rows: [_reading(each) for each in rows])
        count = int((floor_hour(until) - floor_hour(since)) / HOUR) + 1
        hours = [floor_hour(since) + index * HOUR for index in range(count)]
        signals = SignalOut(selectors.list_zone_hours(zone, hours=hours, now=now), many=True).data
        return page([{**row, "revision": None} for row in signals])


class ZoneForecastView(APIView):
    """What is expected of a zone."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(
        operation_id="zone_forecast",
        parameters=[OpenApiParameter("hours", int, description="1 to 96, default 24.")],
        responses=paged(SignalOut),
    )
    def get(self, request: Request, zone: str) -> Response:
        """The hours after this one, each with the rung it comes from."""
        count = whole_number(request, "hours", default=24, lowest=1, highest=MOST_HOURS_AHEAD)
        now = timezone.now()
        hours = [floor_hour(now) + index * HOUR for index in range(1, count + 1)]
        return page(SignalOut(selectors.list_zone_hours(zone, hours=hours, now=now), many=True).data)


class ZoneScoresView(APIView):
    """How good forecasts were."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(operation_id="zone_scores", responses=paged(ScoreOut))
    def get(self, request: Request, zone: str) -> Response:
        """The error of each source's forecasts by lead time, over the last 30 days; empty until hours were scored."""
        since = timezone.now().date() - timedelta(days=SCORES_OF_DAYS)
        return page(ScoreOut(selectors.list_forecast_scores(zone=zone, since=since), many=True).data)


def _as_reported(request: Request, zone: str, since: datetime, until: datetime, now: datetime) -> list[StoredReading]:
    scope = one_of(request, "scope", SCOPES)
    return selectors.list_stored_readings(
        zone,
        since=since,
        until=until,
        kind=signal.Kind(one_of(request, "kind", KINDS) or signal.Kind.AVERAGE),
        scope=signal.Scope(scope) if scope else None,
        source=request.query_params.get("source"),
        now=now,
    )


def _reading(reading: StoredReading) -> dict[str, Any]:
    """One stored reading in the form of a signal."""
    values = {name: getattr(reading, name) for name in StoredReading.__slots__}
    flags = [reading.flag] if reading.flag else []
    end = reading.starts_at + timedelta(minutes=reading.period_minutes)
    times = {"as_of": reading.received_at, "measured_until": min(end, reading.received_at)}
    more = {**times, "flags": flags, "skipped": [], "low_g_per_kwh": None, "high_g_per_kwh": None}
    return dict(ReadingOut({**values, **more}).data)
