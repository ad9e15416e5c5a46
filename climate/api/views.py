"""`/api/v1/regions/`, `/sources/`: parse, one call down, answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.scopes import Scope
from climate import selectors
from climate.api.pages import page
from climate.api.serializers import RegionOut, SourceOut
from climate.domain.ladder import floor_hour
from climate.domain.places import RegionFacts
from config.kernel.rest import paged


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


class SourceListView(APIView):
    """Providers of data."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(operation_id="sources_list", responses=paged(SourceOut))
    def get(self, request: Request) -> Response:
        """State, last success and age of each."""
        return page(SourceOut(selectors.list_sources(now=timezone.now()), many=True).data)


def _with_intensity(regions: Sequence[RegionFacts]) -> list[Any]:
    now = timezone.now()
    hour = floor_hour(now)
    signals = selectors.list_signals(zone_codes=sorted({each.zone for each in regions}), hours=[hour], now=now)
    rows = [{**asdict(each), "intensity": signals.get((each.zone, hour))} for each in regions]
    return list(RegionOut(rows, many=True).data)
