"""`/api/v1/sessions/{id}/agents/{agent}/items/`, `allocations/`: what an agent loads, and the room that it asks for."""

from __future__ import annotations

from uuid import UUID

from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from config.kernel.paging import PAGE, page_of, query_of
from config.kernel.rest import paged, validated
from sessions_app.api import usage_answers as answers
from sessions_app.api import usage_serializers as bodies
from sessions_app.api.doors import IDEMPOTENCY_KEY, acting_team, visible_session
from sessions_app.selectors import windows as read
from sessions_app.services.windows.allocations import allocate
from sessions_app.services.windows.items import ItemChange, change_item, load_items, unload_item

READ_AND_WRITE = {
    "GET": Scope.SESSIONS_READ,
    "POST": Scope.SESSIONS_WRITE,
    "PATCH": Scope.SESSIONS_WRITE,
    "DELETE": Scope.SESSIONS_WRITE,
}


class ItemListView(APIView):
    """Things in the window of an agent."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_items_list", parameters=[bodies.ItemsQuery], responses=paged(answers.ItemOut))
    def get(self, request: Request, session_id: UUID, agent: str) -> Response:
        """Newest first, 50 a page; those that left the window too, with where the whole is kept."""
        visible_session(Principal.of(request.auth), session_id)
        rows = read.list_items(session_id, agent, **query_of(bodies.ItemsQuery, request), limit=PAGE + 1)
        return page_of(request, rows, lambda page: answers.ItemOut(page, many=True).data)

    @extend_schema(operation_id="sessions_items_load", request=bodies.ItemsIn, responses={201: answers.ItemsLoadedOut})
    def post(self, request: Request, session_id: UUID, agent: str) -> Response:
        """Load things, all or none; a key that is there is replaced. 409 `window_full` from 90 % on."""
        principal = Principal.of(request.auth)
        visible_session(principal, session_id)
        values = validated(bodies.ItemsIn, request)
        rows = load_items(
            session_id=session_id,
            team_id=acting_team(principal),
            agent=agent,
            epoch=values["epoch"],
            items=[bodies.item_ask_of(each) for each in values["items"]],
            actor=principal.actor,
            now=timezone.now(),
        )
        return Response(answers.ItemsLoadedOut({"results": rows}).data, status=201)


class ItemView(APIView):
    """One thing."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_items_read", responses=answers.ItemDetailOut)
    def get(self, request: Request, session_id: UUID, agent: str, item_id: int) -> Response:
        """With its text as it stands in the window."""
        visible_session(Principal.of(request.auth), session_id)
        return Response(answers.ItemDetailOut(read.get_item(session_id, agent, item_id)).data)

    @extend_schema(operation_id="sessions_items_change", request=bodies.ItemChangeIn, responses=answers.ItemOut)
    def patch(self, request: Request, session_id: UUID, agent: str, item_id: int) -> Response:
        """Pin or unpin it, finish its task, say that it was used."""
        principal = Principal.of(request.auth)
        visible_session(principal, session_id)
        values = validated(bodies.ItemChangeIn, request)
        row = change_item(
            session_id=session_id,
            team_id=acting_team(principal),
            agent=agent,
            epoch=values.pop("epoch"),
            item_id=item_id,
            change=ItemChange(**values),
            actor=principal.actor,
            now=timezone.now(),
        )
        return Response(answers.ItemOut(row).data)

    @extend_schema(operation_id="sessions_items_unload", parameters=[bodies.EpochIn], responses=answers.ItemOut)
    def delete(self, request: Request, session_id: UUID, agent: str, item_id: int) -> Response:
        """Take it out of the window: it is archived first, and stays in this list."""
        principal = Principal.of(request.auth)
        visible_session(principal, session_id)
        row = unload_item(
            session_id=session_id,
            team_id=acting_team(principal),
            agent=agent,
            item_id=item_id,
            **query_of(bodies.EpochIn, request),
            actor=principal.actor,
            now=timezone.now(),
        )
        return Response(answers.ItemOut(row).data)


class AllocationView(APIView):
    """Asks for room."""

    required_scopes = READ_AND_WRITE

    @extend_schema(
        operation_id="sessions_allocations_create",
        parameters=[IDEMPOTENCY_KEY],
        request=bodies.AllocationIn,
        responses={201: answers.AllocationOut},
    )
    def post(self, request: Request, session_id: UUID, agent: str) -> Response:
        """granted, after_cleanup, partial or denied; each is in the log. 409 `window_full` from 90 % on.

        What is granted counts as held at once: load what it is for with `is_counted`. An Idempotency-Key
        holds for 48 hours at least: as long as its event is in the log, and that long after it left.
        """
        principal = Principal.of(request.auth)
        visible_session(principal, session_id)
        ask = bodies.room_ask_of(
            validated(bodies.AllocationIn, request), agent=agent, key=request.headers.get("Idempotency-Key")
        )
        decided = allocate(
            session_id=session_id, team_id=acting_team(principal), ask=ask, actor=principal.actor, now=timezone.now()
        )
        body = answers.AllocationOut({**decided.facts, "seq": decided.seq}).data
        return Response(body, status=201, headers={"Idempotent-Replayed": "true"} if decided.was_replayed else {})


_AGENT = "sessions/<uuid:session_id>/agents/<str:agent>/"
ROUTES: list[URLPattern] = [
    path(f"{_AGENT}items/", ItemListView.as_view()),
    path(f"{_AGENT}items/<int:item_id>/", ItemView.as_view()),
    path(f"{_AGENT}allocations/", AllocationView.as_view()),
]
