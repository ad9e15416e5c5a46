"""`/api/v1/sessions/{id}/rounds/`: several agents on one matter."""

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
from config.kernel.errors import InvalidInput
from config.kernel.paging import query_of
from config.kernel.rest import paged, validated
from sessions_app.api.doors import IDEMPOTENCY_KEY, acting_team, answered_once, visible_session
from sessions_app.api.round_serializers import (
    CloseIn,
    RoundIn,
    RoundOut,
    RoundQuery,
    RoundsQuery,
    TurnIn,
    TurnTakenOut,
)
from sessions_app.domain.agreement import Decision
from sessions_app.domain.words import Stance
from sessions_app.selectors.rounds import get_round, list_rounds
from sessions_app.services import rounds
from sessions_app.services.rounds.judged_turns import judged
from sessions_app.services.rounds.running import RunAsk, begin_run
from sessions_app.services.rounds.tables import TableAsk

PAGE = 20
SEATS = ("members", "values", "reflective_model")


class RoundListView(APIView):
    """Rounds of a session."""

    required_scopes = {"GET": Scope.SESSIONS_READ, "POST": Scope.SESSIONS_WRITE}

    @extend_schema(operation_id="sessions_rounds_list", parameters=[RoundsQuery], responses=paged(RoundOut))
    def get(self, request: Request, session_id: UUID) -> Response:
        """Newest first, 20 a page. Turns of a blind cycle that is not over are left out."""
        visible_session(Principal.of(request.auth), session_id)
        query = query_of(RoundsQuery, request)
        rows = list_rounds(session_id, **query, limit=PAGE)
        links = {"next": query["page"] + 1 if len(rows) > PAGE else 0, "previous": query["page"] - 1}
        results = RoundOut(rows[:PAGE], many=True).data
        return Response({name: _page_link(request, page) for name, page in links.items()} | {"results": results})

    @extend_schema(
        operation_id="sessions_rounds_create",
        parameters=[IDEMPOTENCY_KEY],
        request=RoundIn,
        responses={201: RoundOut, 202: RoundOut},
    )
    def post(self, request: Request, session_id: UUID) -> Response:
        """Put a matter to agents. The first cycle is blind: each answers before it sees the others.

        With `run` the gateway asks the models of a round table: 202, and the round can be watched. That spends, and
        needs the scope requests:write too.
        """
        principal, values = Principal.of(request.auth), validated(RoundIn, request)
        visible_session(principal, session_id)
        is_driven = values.pop("run")

        def work() -> tuple[int, Any]:
            begin = _begin_run if is_driven else _begin_round
            round_id = begin(session_id, principal, values)
            return 202 if is_driven else 201, dict(RoundOut(get_round(session_id, round_id)).data)

        return answered_once(request, work)


def _begin_round(session_id: UUID, principal: Principal, values: dict[str, Any]) -> UUID:
    return rounds.begin_round(
        session_id=session_id, team_id=acting_team(principal), **values, actor=principal.actor, now=timezone.now()
    )


def _begin_run(session_id: UUID, principal: Principal, values: dict[str, Any]) -> UUID:
    named = {name: values[name] for name in SEATS if name in values}
    rest = {name: value for name, value in values.items() if name not in SEATS}
    if named and "members" not in named:
        raise InvalidInput("Say who sits there.", field="members", code="required")
    if "residency" in rest:
        rest["residency"] = tuple(dict.fromkeys(rest["residency"]))
    ask = RunAsk(**rest, seats=TableAsk(**named) if named else None)
    return begin_run(session_id=session_id, ask=ask, principal=principal, now=timezone.now())


class RoundView(APIView):
    """One round."""

    required_scopes = {"GET": Scope.SESSIONS_READ}

    @extend_schema(operation_id="sessions_rounds_read", parameters=[RoundQuery], responses=RoundOut)
    def get(self, request: Request, session_id: UUID, round_id: UUID) -> Response:
        """As it stands; whose turn it is, and what to read before."""
        visible_session(Principal.of(request.auth), session_id)
        return Response(RoundOut(get_round(session_id, round_id, **query_of(RoundQuery, request))).data)


class TurnListView(APIView):
    """Turns of a round."""

    required_scopes = {"POST": Scope.SESSIONS_WRITE}

    @extend_schema(
        operation_id="sessions_rounds_turn",
        parameters=[IDEMPOTENCY_KEY],
        request=TurnIn,
        responses={201: TurnTakenOut},
    )
    def post(self, request: Request, session_id: UUID, round_id: UUID) -> Response:
        """Say where an agent stands, how sure it is, and why. 409 if it is not its turn, or it has spoken.

        Where the gateway's policy names a judge, the turn that ends a cycle waits for it.
        """
        principal, values = Principal.of(request.auth), validated(TurnIn, request)
        visible_session(principal, session_id)
        said = rounds.TurnAsk(**values | {"stance": Stance(values["stance"])})
        ask = judged(said, session_id=session_id, round_id=round_id, principal=principal)

        def work() -> tuple[int, Any]:
            seq = rounds.take_turn(
                session_id=session_id,
                team_id=acting_team(principal),
                round_id=round_id,
                ask=ask,
                actor=principal.actor,
                now=timezone.now(),
            )
            facts = get_round(session_id, round_id, agent=ask.agent)
            return 201, dict(TurnTakenOut({"seq": seq, "round": facts}).data)

        return answered_once(request, work)


class RoundCloseView(APIView):
    """The end of a round."""

    required_scopes = {"POST": Scope.SESSIONS_WRITE}

    @extend_schema(
        operation_id="sessions_rounds_close", parameters=[IDEMPOTENCY_KEY], request=CloseIn, responses=RoundOut
    )
    def post(self, request: Request, session_id: UUID, round_id: UUID) -> Response:
        """Close it, or say afterwards what was right."""
        principal, values = Principal.of(request.auth), validated(CloseIn, request)
        visible_session(principal, session_id)
        verdict = Decision(values["verdict"]) if values["verdict"] else None

        def work() -> tuple[int, Any]:
            rounds.close_round(
                session_id=session_id,
                team_id=acting_team(principal),
                round_id=round_id,
                verdict=verdict,
                reason=values["reason"],
                actor=principal.actor,
                now=timezone.now(),
            )
            return 200, dict(RoundOut(get_round(session_id, round_id)).data)

        return answered_once(request, work)


def _page_link(request: Request, page: int) -> str | None:
    kept = {name: value for name, value in request.query_params.items() if name != "page"}
    return f"{request.build_absolute_uri(request.path)}?{urlencode({**kept, 'page': page})}" if page else None


ROUTES: list[URLPattern] = [
    path("sessions/<uuid:session_id>/rounds/", RoundListView.as_view()),
    path("sessions/<uuid:session_id>/rounds/<uuid:round_id>/", RoundView.as_view()),
    path("sessions/<uuid:session_id>/rounds/<uuid:round_id>/turns/", TurnListView.as_view()),
    path("sessions/<uuid:session_id>/rounds/<uuid:round_id>/close/", RoundCloseView.as_view()),
]
