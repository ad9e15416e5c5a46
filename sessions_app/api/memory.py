"""`/api/v1/sessions/{id}/facts/`, `memory/`, `similar/`: what must not be lost, and what is remembered."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
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
from sessions_app.api.doors import IDEMPOTENCY_KEY, acting_team, answered_once, visible_session
from sessions_app.api.memory_serializers import (
    AlikeAnswerOut,
    AlikeIn,
    FactIn,
    FactOut,
    FactsIn,
    MemoryIn,
    MemoryOut,
    NewerFactIn,
    PinIn,
)
from sessions_app.domain.words import FactKind
from sessions_app.selectors.alike import Comparison, Shape, compare, compare_text
from sessions_app.selectors.memory import get_fact, page_facts
from sessions_app.selectors.recall import MOST_ROWS, MemoryKind, recall
from sessions_app.services import memory
from sessions_app.services.memory.facts import FactAsk, Teller

READ_AND_WRITE = {"GET": Scope.SESSIONS_READ, "POST": Scope.SESSIONS_WRITE, "PATCH": Scope.SESSIONS_WRITE}


class FactListView(APIView):
    """Facts of a session."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_facts_list", parameters=[FactsIn], responses=paged(FactOut))
    def get(self, request: Request, session_id: UUID) -> Response:
        """Newest first, 50 a page; `before` is the number of a fact."""
        session = visible_session(Principal.of(request.auth), session_id)
        query = query_of(FactsIn, request)
        rows = page_facts(
            session.pk,
            current_only=not query["superseded"],
            pinned_only=query["pinned"],
            kind=query["kind"],
            before=query["before"],
            limit=PAGE + 1,
        )
        return page_of(request, rows, lambda page: FactOut(page, many=True).data)

    @extend_schema(
        operation_id="sessions_facts_create",
        parameters=[IDEMPOTENCY_KEY],
        request=FactIn,
        responses={201: FactOut},
    )
    def post(self, request: Request, session_id: UUID) -> Response:
        """Record one. It is never changed or summarised; a newer one may take its place."""
        values, principal = validated(FactIn, request), Principal.of(request.auth)
        team_id = _team(principal, session_id)

        def work() -> tuple[int, object]:
            ask = FactAsk(
                kind=FactKind(values["kind"]),
                text=values["text"],
                is_pinned=values["is_pinned"],
                supersedes=values["supersedes"],
            )
            number = memory.record_fact(
                session_id=session_id,
                team_id=team_id,
                ask=ask,
                teller=_teller(principal, values),
                now=timezone.now(),
            )
            return 201, FactOut(get_fact(session_id, number)).data

        return answered_once(request, work)


class FactView(APIView):
    """One fact."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_facts_read", responses=FactOut)
    def get(self, request: Request, session_id: UUID, number: int) -> Response:
        """As it was recorded."""
        session = visible_session(Principal.of(request.auth), session_id)
        return Response(FactOut(get_fact(session.pk, number)).data)

    @extend_schema(operation_id="sessions_facts_pin", request=PinIn, responses=FactOut)
    def patch(self, request: Request, session_id: UUID, number: int) -> Response:
        """Pin it, or take its pin away: nothing else of a fact can change."""
        values, principal = validated(PinIn, request), Principal.of(request.auth)
        memory.pin_fact(
            session_id=session_id,
            team_id=_team(principal, session_id),
            number=number,
            actor=principal.actor,
            now=timezone.now(),
            **values,
        )
        return Response(FactOut(get_fact(session_id, number)).data)


class NewerFactView(APIView):
    """What takes the place of a fact."""

    required_scopes = READ_AND_WRITE

    @extend_schema(
        operation_id="sessions_facts_supersede",
        parameters=[IDEMPOTENCY_KEY],
        request=NewerFactIn,
        responses={201: FactOut},
    )
    def post(self, request: Request, session_id: UUID, number: int) -> Response:
        """Record a newer one in its place, pinned if it was. 409 if another has taken it."""
        values, principal = validated(NewerFactIn, request), Principal.of(request.auth)
        team_id = _team(principal, session_id)

        def work() -> tuple[int, object]:
            newer = memory.supersede_fact(
                session_id=session_id,
                team_id=team_id,
                number=number,
                text=values["text"],
                kind=FactKind(values["kind"]) if values["kind"] else None,
                teller=_teller(principal, values),
                now=timezone.now(),
            )
            return 201, FactOut(get_fact(session_id, newer)).data

        return answered_once(request, work)


class MemoryView(APIView):
    """Memory of a session."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_memory", parameters=[MemoryIn], responses=paged(MemoryOut))
    def get(self, request: Request, session_id: UUID) -> Response:
        """Working, episodic, semantic or collective; pinned first, then the newest; best first with `q`.

        Each is shown as long as the policy says, also from the archive; 409 `archive_damaged` if that cannot be read.
        """
        session = visible_session(Principal.of(request.auth), session_id)
        query = query_of(MemoryIn, request)
        page: int = query["page"]
        most = MOST_ROWS if query["q"] else page * PAGE + 1
        rows = recall(session, MemoryKind(query["kind"]), now=timezone.now(), query=query["q"], most=most)
        shown = rows[(page - 1) * PAGE : page * PAGE]
        return Response(
            {
                "next": _page(request, page + 1) if len(rows) > page * PAGE else None,
                "previous": _page(request, page - 1) if page > 1 else None,
                "results": MemoryOut(shown, many=True).data,
            }
        )


class AlikeView(APIView):
    """Past sessions that are like one."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_similar", responses=AlikeAnswerOut)
    def get(self, request: Request, session_id: UUID) -> Response:
        """Of the teams that you may see, with what they say of the tokens that this one may spend."""
        principal = Principal.of(request.auth)
        session = visible_session(principal, session_id)
        return _told(compare(session.pk, team_ids=_teams(principal)))


class AlikeTextView(APIView):
    """Past sessions that are like what somebody plans."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_similar_to_text", parameters=[AlikeIn], responses=AlikeAnswerOut)
    def get(self, request: Request) -> Response:
        """Before a session begins: what was like it, and the tokens that it may spend."""
        query = query_of(AlikeIn, request)
        shape = Shape(mode=query["mode"], role_count=query["roles"], purpose=query["purpose"])
        teams = _teams(Principal.of(request.auth))
        return _told(compare_text(query["text"], shape, team_ids=teams, most=query["limit"]))


def _told(found: Comparison) -> Response:
    answer = {"results": found.rows, "estimate": found.estimate, "vectors": found.vectors}
    return Response(AlikeAnswerOut(answer).data)


def _teams(principal: Principal) -> frozenset[int] | None:
    return None if principal.sees_everything else principal.visible_team_ids


def _team(principal: Principal, session_id: UUID) -> int:
    """The acting team; the session is looked for before a key is stored for it."""
    team_id = acting_team(principal)
    visible_session(principal, session_id)
    return team_id


def _teller(principal: Principal, values: dict[str, Any]) -> Teller:
    return Teller(actor=principal.actor, agent=values["agent"], epoch=values["epoch"])


def _page(request: Request, page: int) -> str:
    query = {**request.query_params.dict(), "page": str(page)}
    return f"{request.build_absolute_uri(request.path)}?{urlencode(query)}"


ROUTES: list[URLPattern] = [
    path("sessions/similar/", AlikeTextView.as_view()),
    path("sessions/<uuid:session_id>/facts/", FactListView.as_view()),
    path("sessions/<uuid:session_id>/facts/<int:number>/", FactView.as_view()),
    path("sessions/<uuid:session_id>/facts/<int:number>/supersede/", NewerFactView.as_view()),
    path("sessions/<uuid:session_id>/memory/", MemoryView.as_view()),
    path("sessions/<uuid:session_id>/similar/", AlikeView.as_view()),
]
