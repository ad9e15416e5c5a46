"""`/api/v1/market/fund/`: what the Fund holds, and every flow in and out of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.scopes import Scope
from config.kernel.paging import PAGE, page_of, query_of
from market import selectors
from market.api.trading.auction_serializers import FundEntryOut, FundIn, FundOut

USUAL_PERIOD = timedelta(days=30)


class FundView(APIView):
    """The Access Fund."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_fund_read", parameters=[FundIn], responses=FundOut)
    def get(self, request: Request) -> Response:
        """Balance, reserved, flows by kind and by day (UTC) since a moment, and its books, 50 lines a page."""
        query, now = query_of(FundIn, request), timezone.now()
        flows = selectors.get_fund_flows(since=query["since"] or now - USUAL_PERIOD, now=now)
        entries = selectors.list_fund_entries(kind=query["kind"], before=query["before"], limit=PAGE + 1)
        page = page_of(request, entries, lambda rows: FundEntryOut(rows, many=True).data).data
        body = FundOut({**asdict(flows), "next": page["next"], "previous": page["previous"], "results": []}).data
        return Response({**body, "results": page["results"]})
