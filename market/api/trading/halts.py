"""`/api/v1/market/halts/`: times without trade, with the reason."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from config.kernel.paging import PAGE, page_of, query_of
from config.kernel.rest import paged, validated
from market import selectors, services
from market.api.trading.auction_serializers import HaltIn, HaltOut, HaltsIn


class HaltListView(APIView):
    """Halts."""

    required_scopes = {"GET": Scope.MARKET_READ, "POST": Scope.MARKET_OPERATE}

    @extend_schema(operation_id="market_halts_list", parameters=[HaltsIn], responses=paged(HaltOut))
    def get(self, request: Request) -> Response:
        """Newest first; with `instrument` those of everything too, with `open=true` those not ended."""
        query = query_of(HaltsIn, request)
        is_open = query.pop("open")
        rows = selectors.list_halts(**query, is_open=is_open, limit=PAGE + 1)
        return page_of(request, rows, lambda page: HaltOut(page, many=True).data)

    @extend_schema(operation_id="market_halts_create", request=HaltIn, responses={201: HaltOut})
    def post(self, request: Request) -> Response:
        """Halt an instrument or everything. Orders stay and can be cancelled."""
        given = validated(HaltIn, request)
        halt = services.halt_trading(
            instrument_code=given["instrument"],
            reason=given["reason"],
            until=given["until"],
            actor=Principal.of(request.auth).actor,
            now=timezone.now(),
        )
        return Response(HaltOut(selectors.get_halt(halt.pk)).data, status=201)


class ResumeView(APIView):
    """The end of a halt."""

    required_scopes = {"POST": Scope.MARKET_OPERATE}

    @extend_schema(operation_id="market_halts_resume", request=None, responses=HaltOut)
    def post(self, request: Request, halt_id: int) -> Response:
        """Let it trade again. 409 if it has ended already."""
        services.resume_trading(halt_id=halt_id, actor=Principal.of(request.auth).actor, now=timezone.now())
        return Response(HaltOut(selectors.get_halt(halt_id)).data)
