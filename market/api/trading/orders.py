"""`/api/v1/market/orders/`: place, read, improve and cancel orders of one's own team."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.services.once import IDEMPOTENCY_KEY, answered_once
from config.kernel.paging import PAGE, page_of, query_of
from config.kernel.rest import paged, validated
from market import selectors, services
from market.api.trading.order_serializers import (
    CancelIn,
    ImproveIn,
    OrderDetailOut,
    OrderIn,
    OrderOut,
    OrdersIn,
    ask_of,
)


class OrderListView(APIView):
    """Orders."""

    required_scopes = {"GET": Scope.MARKET_READ, "POST": Scope.MARKET_TRADE}

    @extend_schema(operation_id="market_orders_list", parameters=[OrdersIn], responses=paged(OrderOut))
    def get(self, request: Request) -> Response:
        """Of your own teams, newest first, 50 a page."""
        teams = Principal.of(request.auth).visible_team_ids
        rows = selectors.list_orders(team_ids=teams, **query_of(OrdersIn, request), limit=PAGE + 1)
        return page_of(request, rows, lambda page: OrderOut(page, many=True).data)

    @extend_schema(
        operation_id="market_orders_create",
        parameters=[IDEMPOTENCY_KEY],
        request=OrderIn,
        responses={201: OrderDetailOut},
    )
    def post(self, request: Request) -> Response:
        """201 with what it keeps in escrow; 402 if a buyer cannot pay, 409 if it is halted or quota is not there."""
        ask, principal = ask_of(validated(OrderIn, request)), Principal.of(request.auth)

        def work() -> tuple[int, object]:
            order = services.place_order(ask=ask, principal=principal, now=timezone.now())
            return 201, _body(order.id, principal)

        return answered_once(request, work)


class OrderView(APIView):
    """One order."""

    required_scopes = {"GET": Scope.MARKET_READ, "DELETE": Scope.MARKET_TRADE}

    @extend_schema(operation_id="market_orders_read", responses=OrderDetailOut)
    def get(self, request: Request, order_id: UUID) -> Response:
        """With what became of it."""
        return Response(_body(order_id, Principal.of(request.auth)))

    @extend_schema(operation_id="market_orders_delete", responses=OrderDetailOut)
    def delete(self, request: Request, order_id: UUID) -> Response:
        """Cancel it; what it kept is free at once. 409 in the last seconds before its call."""
        principal = Principal.of(request.auth)
        services.cancel_order(order_id=order_id, principal=principal, now=timezone.now())
        return Response(_body(order_id, principal))


class OrderCancelView(APIView):
    """The end of an order."""

    required_scopes = {"POST": Scope.MARKET_TRADE}

    @extend_schema(
        operation_id="market_orders_cancel", parameters=[IDEMPOTENCY_KEY], request=CancelIn, responses=OrderDetailOut
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Cancel it; what it kept is free at once. 409 in the last seconds before its call."""
        values, principal = validated(CancelIn, request), Principal.of(request.auth)

        def work() -> tuple[int, object]:
            services.cancel_order(order_id=order_id, principal=principal, now=timezone.now(), **values)
            return 200, _body(order_id, principal)

        return answered_once(request, work)


class OrderImproveView(APIView):
    """A better order."""

    required_scopes = {"POST": Scope.MARKET_TRADE}

    @extend_schema(
        operation_id="market_orders_improve", parameters=[IDEMPOTENCY_KEY], request=ImproveIn, responses=OrderDetailOut
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Raise a bid, lower an offer, or add to it, until its call closes. It keeps its place."""
        values, principal = validated(ImproveIn, request), Principal.of(request.auth)

        def work() -> tuple[int, object]:
            services.improve_order(order_id=order_id, principal=principal, now=timezone.now(), **values)
            return 200, _body(order_id, principal)

        return answered_once(request, work)


def _body(order_id: UUID, principal: Principal) -> dict[str, Any]:
    teams = None if principal.sees_everything else principal.visible_team_ids
    body: dict[str, Any] = OrderDetailOut(selectors.get_order(order_id, team_ids=teams)).data
    return body
