"""`/api/v1/greenest/`: when and where to run."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.scopes import Scope
from climate import selectors
from climate.api.pages import page
from climate.api.parameters import names, whole_number
from climate.api.serializers import WindowOut
from config.kernel.rest import paged

MOST_HOURS_AHEAD = 96
MOST_WINDOWS = 100


class GreenestView(APIView):
    """The best windows."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(
        operation_id="greenest_windows",
        parameters=[
            OpenApiParameter("hours", int, description="How far to look, 1 to 96, default 24."),
            OpenApiParameter("duration", int, description="Hours the work takes, default 1, at most `hours`."),
            OpenApiParameter("regions", str, description="Comma-separated region codes, default all active."),
            OpenApiParameter("home", str, description="A region: what each window saves against running there now."),
            OpenApiParameter(
                "top", int, description="The best so many windows over all regions instead, no hour of a region twice."
            ),
        ],
        responses=paged(WindowOut),
    )
    def get(self, request: Request) -> Response:
        """The greenest window of each region, greenest first, and what it saves against starting now."""
        hours = whole_number(request, "hours", default=24, lowest=1, highest=MOST_HOURS_AHEAD)
        has_top = "top" in request.query_params
        found = selectors.get_greenest(
            hours=hours,
            duration_hours=whole_number(request, "duration", default=1, lowest=1, highest=hours),
            now=timezone.now(),
            region_codes=names(request, "regions"),
            home=request.query_params.get("home"),
            top=whole_number(request, "top", default=1, lowest=1, highest=MOST_WINDOWS) if has_top else None,
        )
        return page(WindowOut(found.windows, many=True).data)
