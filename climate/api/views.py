"""`/api/v1/regions/`, `/zones/`, `/greenest/`, `/sources/`, `/emergencies/`: parse, one call down, answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.scopes import Scope
from climate import selectors
from climate.api.parameters import moment, names, whole_number
from climate.api.serializers import EmergencyOut, RegionOut, SignalOut, SourceOut, WindowOut
from climate.domain.ladder import HOUR, floor_hour
from climate.domain.places import RegionFacts
from climate.domain.signal import Signal
from climate.domain.windows import greenest_start, mean_of_window
from config.kernel.errors import InvalidInput
from config.kernel.rest import paged

LONGEST_SPAN = timedelta(days=31)
MOST_HOURS_AHEAD = 96


def page(rows: Any) -> Response:
    """A whole list in the API's envelope: these lists are short."""
    return Response({"next": None, "previous": None, "results": rows})


class RegionListView(APIView):
    """Where work can run."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(operation_id="regions_list", responses=paged(RegionOut))
    def get(self, request: Request) -> Response:
        """Every region, inactive ones included, with its grid's intensity in this hour."""
        return page(_with_intensity(selectors.list_regions(active_only=False)))


class RegionView(APIView):
    """One region."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(operation_id="regions_read", responses=RegionOut)
    def get(self, request: Request, code: str) -> Response:
        """The region with its grid's intensity in this hour."""
        return Response(_with_intensity([selectors.get_region(code)])[0])


class ZoneIntensityView(APIView):
    """Intensity of a zone, hour by hour."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(
        operation_id="zone_intensity",
        parameters=[OpenApiParameter("from", str), OpenApiParameter("to", str)],
        responses=paged(SignalOut),
    )
    def get(self, request: Request, zone: str) -> Response:
        """The best that is known of each hour; the last 24 hours unless `from` and `to` say otherwise."""
        now = timezone.now()
        until = moment(request, "to", default=now)
        since = moment(request, "from", default=until - timedelta(hours=23))
        if since > until:
            raise InvalidInput("This is after `to`.", field="from")
        if until - since > LONGEST_SPAN:
            raise InvalidInput(f"Ask for at most {LONGEST_SPAN.days} days at once.", field="from")
        count = int((floor_hour(until) - floor_hour(since)) / HOUR) + 1
        return page(_hours_of(zone, [floor_hour(since) + index * HOUR for index in range(count)]))


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
        first = floor_hour(timezone.now()) + HOUR
        return page(_hours_of(zone, [first + index * HOUR for index in range(count)]))


class GreenestView(APIView):
    """The best windows."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(
        operation_id="greenest_windows",
        parameters=[
            OpenApiParameter("hours", int, description="How far to look, 1 to 96, default 24."),
            OpenApiParameter("duration", int, description="Hours the work takes, default 1."),
            OpenApiParameter("regions", str, description="Comma-separated region codes, default all active."),
        ],
        responses=paged(WindowOut),
    )
    def get(self, request: Request) -> Response:
        """The greenest window of each region, greenest first, and what it saves against starting now."""
        hours = whole_number(request, "hours", default=24, lowest=1, highest=MOST_HOURS_AHEAD)
        duration = whole_number(request, "duration", default=1, lowest=1, highest=hours)
        regions = _named_regions(names(request, "regions"))
        now = timezone.now()
        wanted = [floor_hour(now) + index * HOUR for index in range(hours)]
        zones = sorted({region.zone for region in regions})
        signals = selectors.list_signals(zone_codes=zones, hours=wanted, now=now)
        windows = [_window(region, [signals[region.zone, hour] for hour in wanted], duration) for region in regions]
        windows.sort(key=lambda each: (each["mean_g_per_kwh"], each["region"]))
        return page(WindowOut(windows, many=True).data)


class SourceListView(APIView):
    """Providers of data."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(operation_id="sources_list", responses=paged(SourceOut))
    def get(self, request: Request) -> Response:
        """State, last success and age of each."""
        return page(SourceOut(selectors.list_sources(now=timezone.now()), many=True).data)


class EmergencyListView(APIView):
    """Emergencies."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(operation_id="emergencies_list", responses=paged(EmergencyOut))
    def get(self, request: Request) -> Response:
        """Those in force now."""
        return page(EmergencyOut(selectors.list_active_emergencies(now=timezone.now()), many=True).data)


def _with_intensity(regions: Sequence[RegionFacts]) -> list[Any]:
    now = timezone.now()
    hour = floor_hour(now)
    signals = selectors.list_signals(zone_codes=sorted({each.zone for each in regions}), hours=[hour], now=now)
    rows = [{**asdict(each), "intensity": signals.get((each.zone, hour))} for each in regions]
    return list(RegionOut(rows, many=True).data)


def _hours_of(zone: str, hours: Sequence[Any]) -> list[Any]:
    now = timezone.now()
    selectors.get_signal(zone, at=hours[0], now=now)  # an unknown zone is a 404, not an empty list
    signals = selectors.list_signals(zone_codes=[zone], hours=hours, now=now)
    return list(SignalOut([signals[zone, hour] for hour in hours], many=True).data)


def _named_regions(codes: list[str] | None) -> list[RegionFacts]:
    regions = selectors.list_regions()
    if codes is None:
        return regions
    if unknown := sorted(set(codes) - {each.code for each in regions}):
        raise InvalidInput(f"No active region is called {', '.join(unknown)}.", field="regions")
    return [each for each in regions if each.code in codes]


def _window(region: RegionFacts, signals: Sequence[Signal], duration_hours: int) -> dict[str, Any]:
    intensities = [each.intensity_g_per_kwh for each in signals]
    start = greenest_start(intensities, duration_hours)
    best, at_once = (mean_of_window(intensities, index, duration_hours) for index in (start, 0))
    chosen = signals[start : start + duration_hours]
    return {
        "region": region.code,
        "zone": region.zone,
        "starts_at": chosen[0].starts_at,
        "ends_at": chosen[-1].starts_at + HOUR,
        "mean_g_per_kwh": best,
        "now_g_per_kwh": at_once,
        "saving_percent": 100 * (1 - best / at_once),
        "bases": sorted({each.basis.value for each in chosen}),
    }
