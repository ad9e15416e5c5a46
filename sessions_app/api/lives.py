"""`/api/v1/sessions/`: begin, read and end sessions; their agents, state, events, export and import."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from config.kernel.errors import NotFound
from config.kernel.paging import PAGE, page_of, query_of
from config.kernel.rest import paged, validated
from sessions_app.api import exchange, state
from sessions_app.api.doors import IDEMPOTENCY_KEY, acting_team, answered_once, visible_session
from sessions_app.api.life_serializers import (
    AgentIn,
    AgentLivesOut,
    AgentOut,
    AgentsIn,
    AgentsOut,
    EndedOut,
    SessionDetailOut,
    SessionIn,
    SessionOut,
    SessionsIn,
    agent_ask_of,
    session_ask_of,
)
from sessions_app.selectors.sessions import agent_row, get_session, list_agents, list_sessions
from sessions_app.services import lives

READ_AND_WRITE = {"GET": Scope.SESSIONS_READ, "POST": Scope.SESSIONS_WRITE, "PATCH": Scope.SESSIONS_WRITE}


class SessionListView(APIView):
    """Sessions."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_list", parameters=[SessionsIn], responses=paged(SessionOut))
    def get(self, request: Request) -> Response:
        """Of your own teams, newest first, 50 a page."""
        principal = Principal.of(request.auth)
        teams = None if principal.sees_everything else principal.visible_team_ids
        rows = list_sessions(team_ids=teams, **query_of(SessionsIn, request), limit=PAGE + 1)
        return page_of(request, rows, lambda page: SessionOut(page, many=True).data)

    @extend_schema(
        operation_id="sessions_create",
        parameters=[IDEMPOTENCY_KEY],
        request=SessionIn,
        responses={201: SessionDetailOut},
    )
    def post(self, request: Request) -> Response:
        """Begin one, with its agents. 409 if your team has one of that `external_id`, with the id of that one."""
        ask, principal = session_ask_of(validated(SessionIn, request)), Principal.of(request.auth)
        acting_team(principal)

        def work() -> tuple[int, object]:
            session_id = lives.begin_session(ask=ask, principal=principal, now=timezone.now())
            return 201, _body(session_id)

        return answered_once(request, work)


class SessionView(APIView):
    """One session."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_read", responses=SessionDetailOut)
    def get(self, request: Request, session_id: UUID) -> Response:
        """With its active agents and those that stand by."""
        visible_session(Principal.of(request.auth), session_id)
        return Response(_body(session_id))


class SessionEndView(APIView):
    """The end of a session."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_end", parameters=[IDEMPOTENCY_KEY], request=None, responses=EndedOut)
    def post(self, request: Request, session_id: UUID) -> Response:
        """End it: nothing can be written any more. It stays readable, and is found by sessions like it."""
        principal = Principal.of(request.auth)
        visible_session(principal, session_id)

        def work() -> tuple[int, object]:
            seq = lives.end_session(
                session_id=session_id, team_id=acting_team(principal), actor=principal.actor, now=timezone.now()
            )
            return 200, {"seq": seq}

        return answered_once(request, work)


class AgentListView(APIView):
    """Agents of a session."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_agents_list", parameters=[AgentsIn], responses=AgentsOut)
    def get(self, request: Request, session_id: UUID) -> Response:
        """Active ones and those that stand by; with `with_retired` their earlier lives too."""
        visible_session(Principal.of(request.auth), session_id)
        rows = list_agents(session_id, **query_of(AgentsIn, request))
        return Response(AgentsOut({"results": rows}).data)

    @extend_schema(
        operation_id="sessions_agents_create",
        parameters=[IDEMPOTENCY_KEY],
        request=AgentIn,
        responses={201: AgentOut},
    )
    def post(self, request: Request, session_id: UUID) -> Response:
        """Let an agent join, in its first epoch. 409 if there is one of that name."""
        ask, principal = agent_ask_of(validated(AgentIn, request)), Principal.of(request.auth)
        visible_session(principal, session_id)

        def work() -> tuple[int, object]:
            instance = lives.admit_agent(session_id=session_id, ask=ask, principal=principal, now=timezone.now())
            return 201, AgentOut(agent_row(instance)).data

        return answered_once(request, work)


class AgentView(APIView):
    """One agent of a session."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_agents_read", responses=AgentLivesOut)
    def get(self, request: Request, session_id: UUID, agent: str) -> Response:
        """The life that it leads now (or led last), and those before it."""
        visible_session(Principal.of(request.auth), session_id)
        rows = list_agents(session_id, agent=agent, with_retired=True)
        if not rows:
            raise NotFound("The session has no agent of that name.", field="agent")
        present = next((each for each in rows if each.status == "active"), rows[0])
        earlier = [each for each in rows if each.epoch < present.epoch]
        return Response(AgentLivesOut({**asdict(present), "earlier": earlier}).data)


def _body(session_id: UUID) -> object:
    row = asdict(get_session(session_id))
    return SessionDetailOut({**row, "members": list_agents(session_id)}).data


ROUTES: list[URLPattern] = [
    *state.ROUTES,
    *exchange.ROUTES,
    path("sessions/", SessionListView.as_view()),
    path("sessions/<uuid:session_id>/", SessionView.as_view()),
    path("sessions/<uuid:session_id>/end/", SessionEndView.as_view()),
    path("sessions/<uuid:session_id>/agents/", AgentListView.as_view()),
    path("sessions/<uuid:session_id>/agents/<str:agent>/", AgentView.as_view()),
]
