"""`/api/v1/sessions/{id}/handoffs/`: begin handoffs, vote, abort, and read what successors begin with."""

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
from config.kernel.paging import PAGE, PageIn, page_of, query_of
from config.kernel.rest import paged, validated
from sessions_app.api.doors import IDEMPOTENCY_KEY, acting_team, answered_once, visible_session
from sessions_app.api.handoff_serializers import AbortIn, HandoffDetailOut, HandoffIn, HandoffOut, PackageOut, VoteIn
from sessions_app.domain.words import Protocol
from sessions_app.selectors.handoffs import HandoffFacts, get_handoff, get_package, list_handoffs
from sessions_app.services import handoffs

READ_AND_WRITE = {"GET": Scope.SESSIONS_READ, "POST": Scope.SESSIONS_WRITE}


class HandoffListView(APIView):
    """Handoffs of a session."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_handoffs_list", parameters=[PageIn], responses=paged(HandoffOut))
    def get(self, request: Request, session_id: UUID) -> Response:
        """Newest first, 50 a page."""
        visible_session(Principal.of(request.auth), session_id)
        rows = list_handoffs(session_id, **query_of(PageIn, request), limit=PAGE + 1)
        return page_of(request, rows, lambda page: HandoffOut(page, many=True).data)

    @extend_schema(
        operation_id="sessions_handoffs_create",
        parameters=[IDEMPOTENCY_KEY],
        request=HandoffIn,
        responses={201: HandoffDetailOut},
    )
    def post(self, request: Request, session_id: UUID) -> Response:
        """Begin one; if one is under way the answer is that one, and an emergency takes it over.

        It goes on by itself: agents vote once it coordinates.
        """
        values, principal = validated(HandoffIn, request), Principal.of(request.auth)
        visible_session(principal, session_id)

        def work() -> tuple[int, object]:
            row = handoffs.open_handoff(
                session_id=session_id,
                team_id=acting_team(principal),
                protocol=Protocol(values["protocol"]),
                reason=values["reason"],
                actor=principal.actor,
                now=timezone.now(),
            )
            return 201, _body(session_id, row.number)

        return answered_once(request, work)


class HandoffView(APIView):
    """One handoff."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_handoffs_read", responses=HandoffDetailOut)
    def get(self, request: Request, session_id: UUID, number: int) -> Response:
        """With its plan, its measures and what validation found."""
        visible_session(Principal.of(request.auth), session_id)
        return Response(_body(session_id, number))


class HandoffVoteView(APIView):
    """The vote of an agent."""

    required_scopes = READ_AND_WRITE

    @extend_schema(
        operation_id="sessions_handoffs_vote",
        parameters=[IDEMPOTENCY_KEY],
        request=VoteIn,
        responses=HandoffDetailOut,
    )
    def post(self, request: Request, session_id: UUID, number: int) -> Response:
        """Ready, or refused with a reason. 409 `stale_epoch` for an earlier life of the agent, or `too_late`."""
        ballot, principal = handoffs.Ballot(**validated(VoteIn, request)), Principal.of(request.auth)
        visible_session(principal, session_id)

        def work() -> tuple[int, object]:
            handoffs.vote(
                session_id=session_id,
                team_id=acting_team(principal),
                number=number,
                ballot=ballot,
                actor=principal.actor,
                now=timezone.now(),
            )
            return 200, _body(session_id, number)

        return answered_once(request, work)


class HandoffAbortView(APIView):
    """The undoing of a handoff."""

    required_scopes = READ_AND_WRITE

    @extend_schema(
        operation_id="sessions_handoffs_abort",
        parameters=[IDEMPOTENCY_KEY],
        request=AbortIn,
        responses=HandoffDetailOut,
    )
    def post(self, request: Request, session_id: UUID, number: int) -> Response:
        """From whatever phase; its sources stay active. 409 `handoff_complete` once the successors work."""
        values, principal = validated(AbortIn, request), Principal.of(request.auth)
        visible_session(principal, session_id)

        def work() -> tuple[int, object]:
            handoffs.abort_handoff(
                session_id=session_id,
                team_id=acting_team(principal),
                number=number,
                actor=principal.actor,
                now=timezone.now(),
                **values,
            )
            return 200, _body(session_id, number)

        return answered_once(request, work)


class HandoffPackageView(APIView):
    """What a successor begins with."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_handoffs_package", responses=PackageOut)
    def get(self, request: Request, session_id: UUID, number: int, agent: str) -> Response:
        """Its hash is checked. 404 `not_packed` before the transfer, `package_dropped` once nobody needs it."""
        visible_session(Principal.of(request.auth), session_id)
        return Response(PackageOut(get_package(session_id, number, agent)).data)


def _body(session_id: UUID, number: int) -> object:
    facts: HandoffFacts = get_handoff(session_id, number)
    return HandoffDetailOut(facts).data


_ONE = "sessions/<uuid:session_id>/handoffs/<int:number>/"
ROUTES: list[URLPattern] = [
    path("sessions/<uuid:session_id>/handoffs/", HandoffListView.as_view()),
    path(_ONE, HandoffView.as_view()),
    path(f"{_ONE}votes/", HandoffVoteView.as_view()),
    path(f"{_ONE}abort/", HandoffAbortView.as_view()),
    path(f"{_ONE}packages/<str:agent>/", HandoffPackageView.as_view()),
]
