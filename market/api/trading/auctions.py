"""`/api/v1/market/auctions/` and `/trades/`: prices, volumes and curves for everybody, money for its owners."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from config.kernel.paging import PAGE, page_of, query_of
from config.kernel.rest import paged
from market import selectors, services
from market.api.trading.auction_serializers import (
    AuctionDetailOut,
    AuctionOut,
    AuctionsIn,
    FillOut,
    PublicTradeOut,
    ReplayOut,
    TradeOut,
    TradesIn,
    curve_body,
)


class AuctionListView(APIView):
    """Auctions."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_auctions_list", parameters=[AuctionsIn], responses=paged(AuctionOut))
    def get(self, request: Request) -> Response:
        """Newest first, 50 a page; carried and halted calls too."""
        rows = selectors.list_auctions(**query_of(AuctionsIn, request), limit=PAGE + 1)
        return page_of(request, rows, lambda page: AuctionOut(page, many=True).data)


class AuctionView(APIView):
    """One auction."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_auctions_read", responses=AuctionDetailOut)
    def get(self, request: Request, auction_id: int) -> Response:
        """Its figures, its curve once it has closed, and its first 200 fills without names."""
        principal = Principal.of(request.auth)
        found = selectors.get_auction(auction_id, team_ids=principal.visible_team_ids)
        body: dict[str, Any] = {
            **AuctionOut(found.row).data,
            "curve": curve_body(found.curve, found.row.lot_units),
            "rationing": asdict(found.rationing) if found.rationing else None,
            "fills": FillOut(found.fills, many=True).data,
            "fill_count": found.fill_count,
            "inputs_sha256": found.inputs_sha256,
        }
        return Response(body)


class ReplayView(APIView):
    """An auction, again."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_auctions_replay", responses=ReplayOut)
    def get(self, request: Request, auction_id: int) -> Response:
        """Work it out from its stored inputs and compare. 409 for a call that was not held."""
        return Response(ReplayOut(services.replay_auction(auction_id)).data)


class TradeListView(APIView):
    """Trades."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_trades_list", parameters=[TradesIn], responses=paged(TradeOut))
    def get(self, request: Request) -> Response:
        """Your own with their money; with `scope=public` everybody's as prices and volumes."""
        query = query_of(TradesIn, request)
        if query.pop("scope") == "public":
            public = selectors.list_public_trades(**query, limit=PAGE + 1)
            return page_of(request, public, lambda page: PublicTradeOut(page, many=True).data)
        teams = Principal.of(request.auth).visible_team_ids
        own = selectors.list_trades(team_ids=teams, **query, limit=PAGE + 1)
        return page_of(request, own, lambda page: TradeOut(page, many=True).data)
