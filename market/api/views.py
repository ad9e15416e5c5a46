"""`/api/v1/requests/`: parse, one call down, answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.services.once import IDEMPOTENCY_KEY
from config.kernel.errors import Conflict, NotAllowed, NotFound
from config.kernel.rest import paged, validated
from market import selectors, services
from market.api.once import answer_idempotently
from market.api.serializers import AskIn, DispatchIn, EmptyIn, ExplainOut, FiltersIn, RequestOut, SettleIn, ask_of

PAGE = 50
FILTERS = {"status": "status", "purpose": "purpose", "origin": "origin_code", "model_class": "model_class"}


class RequestListView(APIView):
    """Ask for tokens, or list what was asked."""

    required_scopes = {"GET": Scope.REQUESTS_READ, "POST": Scope.REQUESTS_WRITE}

    @extend_schema(
        operation_id="requests_list",
        parameters=[OpenApiParameter(name, str) for name in FILTERS] + [OpenApiParameter("page", int)],
        responses=paged(RequestOut),
    )
    def get(self, request: Request) -> Response:
        """Newest first, 50 a page, of the teams the caller may see."""
        principal = Principal.of(request.auth)
        query = FiltersIn(data=request.query_params)
        query.is_valid(raise_exception=True)
        page = query.validated_data["page"]
        rows = selectors.list_request_answers(
            team_ids=None if principal.sees_everything else principal.visible_team_ids,
            filters={FILTERS[name]: value for name, value in query.validated_data.items() if name in FILTERS},
            offset=(page - 1) * PAGE,
            limit=PAGE + 1,
        )
        link = _page_link(request)
        following = link(page + 1) if len(rows) > PAGE else None
        previous = link(page - 1) if page > 1 else None
        return Response({"next": following, "previous": previous, "results": rows[:PAGE]})

    @extend_schema(
        operation_id="requests_create",
        parameters=[IDEMPOTENCY_KEY],
        request=AskIn,
        responses={201: RequestOut, 202: RequestOut},
    )
    def post(self, request: Request) -> Response:
        """201 decided, 202 queued for the allocation pass, 402 if a budget cannot pay."""
        principal = Principal.of(request.auth)
        ask = ask_of(validated(AskIn, request))
        return answer_idempotently(request, lambda: services.submit(ask=ask, principal=principal, now=timezone.now()))


class QuoteView(APIView):
    """What a request would get now."""

    required_scopes = {"POST": Scope.REQUESTS_READ}

    @extend_schema(operation_id="requests_quote", request=AskIn, responses=RequestOut)
    def post(self, request: Request) -> Response:
        """Decides nothing, stores nothing, takes nothing."""
        principal = Principal.of(request.auth)
        ask = ask_of(validated(AskIn, request))
        return Response(services.quote(ask=ask, principal=principal, now=timezone.now()))


class RequestView(APIView):
    """One request."""

    required_scopes = {"GET": Scope.REQUESTS_READ}

    @extend_schema(operation_id="requests_read", responses=RequestOut)
    def get(self, request: Request, request_id: UUID) -> Response:
        """The request with its latest decision."""
        return Response(_visible(request, request_id))


class ExplainView(APIView):
    """Why a request was decided as it was."""

    required_scopes = {"GET": Scope.REQUESTS_READ}

    @extend_schema(operation_id="requests_explain", responses=ExplainOut)
    def get(self, request: Request, request_id: UUID) -> Response:
        """All inputs, and the verdict computed again from them."""
        _visible(request, request_id)
        return Response(selectors.get_explanation(request_id))


class DispatchView(APIView):
    """Say that the work of a grant begins."""

    required_scopes = {"POST": Scope.REQUESTS_WRITE}

    @extend_schema(
        operation_id="requests_dispatch", parameters=[IDEMPOTENCY_KEY], request=DispatchIn, responses=RequestOut
    )
    def post(self, request: Request, request_id: UUID) -> Response:
        """Begins a new lease; `hold` has its end and the number that the next change shows."""
        values = validated(DispatchIn, request)
        return _act(
            request,
            request_id,
            lambda actor: services.dispatch(request_id=request_id, actor=actor, now=timezone.now(), **values),
        )


class SettleView(APIView):
    """Say what was really used."""

    required_scopes = {"POST": Scope.REQUESTS_WRITE}

    @extend_schema(operation_id="requests_settle", parameters=[IDEMPOTENCY_KEY], request=SettleIn, responses=RequestOut)
    def post(self, request: Request, request_id: UUID) -> Response:
        """Charges the use at the terms of the grant and frees the rest."""
        values = validated(SettleIn, request)
        return _act(
            request,
            request_id,
            lambda actor: services.settle(request_id=request_id, actor=actor, now=timezone.now(), **values),
        )


class ReleaseView(APIView):
    """Give back a grant."""

    required_scopes = {"POST": Scope.REQUESTS_WRITE}

    @extend_schema(operation_id="requests_release", parameters=[IDEMPOTENCY_KEY], request=EmptyIn, responses=RequestOut)
    def post(self, request: Request, request_id: UUID) -> Response:
        """Frees all of it; nothing is charged."""
        validated(EmptyIn, request)
        return _act(
            request,
            request_id,
            lambda actor: services.release(request_id=request_id, actor=actor, now=timezone.now()),
        )


class CancelView(APIView):
    """Withdraw a request."""

    required_scopes = {"POST": Scope.REQUESTS_WRITE}

    @extend_schema(operation_id="requests_cancel", parameters=[IDEMPOTENCY_KEY], request=EmptyIn, responses=RequestOut)
    def post(self, request: Request, request_id: UUID) -> Response:
        """Whether it still waits or was granted; nothing is charged."""
        validated(EmptyIn, request)
        return _act(
            request,
            request_id,
            lambda actor: services.cancel(request_id=request_id, actor=actor, now=timezone.now()),
        )


def _act(request: Request, request_id: UUID, action: Callable[[str], int | None]) -> Response:
    principal = Principal.of(request.auth)
    team_id, _ = selectors.get_request_answer(request_id)
    if not principal.may_see_team(team_id):
        raise NotFound("There is no such request.")
    if team_id != principal.team_id:
        raise NotAllowed("This request is another team's.")
    if selectors.is_served_here(request_id):
        raise Conflict("The gateway does this work, and reports what its provider counts.", code="served_by_gateway")
    return answer_idempotently(request, lambda: (request_id, action(principal.actor)))


def _visible(request: Request, request_id: UUID) -> dict[str, Any]:
    """A request the caller may see; what it may not see does not exist for it."""
    team_id, body = selectors.get_request_answer(request_id)
    if not Principal.of(request.auth).may_see_team(team_id):
        raise NotFound("There is no such request.")
    return body


def _page_link(request: Request) -> Callable[[int], str]:
    def link(page: int) -> str:
        query = request.query_params.copy()
        query["page"] = str(page)
        return f"{request.build_absolute_uri(request.path)}?{query.urlencode()}"

    return link
