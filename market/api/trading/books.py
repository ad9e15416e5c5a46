"""`/api/v1/market/instruments/`, `/book/` and `/prices/`: what is traded, what waits, what it costs."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from budgets.domain.units import Unit
from config.kernel.paging import query_of
from config.kernel.rest import paged
from market import selectors
from market.api.trading.book_serializers import (
    BookIn,
    BookOut,
    InstrumentNowOut,
    InstrumentPriceOut,
    PricesIn,
    book_body,
    price_body,
)
from market.domain.trading.instruments import ANY_CLASS


class InstrumentListView(APIView):
    """Instruments."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_instruments_list", responses=paged(InstrumentNowOut))
    def get(self, request: Request) -> Response:
        """All whose period is not over, those with a call to come first, on one page."""
        rows = selectors.list_instruments_now(now=timezone.now())
        return _whole(InstrumentNowOut(rows, many=True).data)


class BookView(APIView):
    """What waits to trade."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_book_list", parameters=[BookIn], responses=paged(BookOut))
    def get(self, request: Request) -> Response:
        """Your own orders; of others nothing in a sealed call, depth without names in an open book."""
        query, principal = query_of(BookIn, request), Principal.of(request.auth)
        books = selectors.list_books(team_ids=principal.visible_team_ids, now=timezone.now(), **query)
        return _whole([book_body(each) for each in books])


class PricesView(APIView):
    """What quota costs."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_prices_list", parameters=[PricesIn], responses=paged(InstrumentPriceOut))
    def get(self, request: Request) -> Response:
        """Reference, collar, last calls, and what a unit is worth now, part by part, each with its basis."""
        query, principal = query_of(PricesIn, request), Principal.of(request.auth)
        model_class = query["model_class"]
        rows = selectors.list_prices(
            team_id=principal.team_id,
            unit=Unit(query["unit"]) if query["unit"] else None,
            model_class="" if model_class == ANY_CLASS else model_class,
            budget_id=query["budget"],
            deadline=query["deadline"],
            now=timezone.now(),
        )
        return _whole([price_body(each) for each in rows])


def _whole(results: object) -> Response:
    """A list on one page."""
    return Response({"next": None, "previous": None, "results": results})
