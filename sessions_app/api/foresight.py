"""`/api/v1/sessions/{id}/forecast/`, `proposals/`, `report/`: what comes, what it cost, what to change."""

from __future__ import annotations

from typing import Any
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
from sessions_app.api.foresight_serializers import (
    AnalysedSessionOut,
    DecideIn,
    ForecastOut,
    NothingIn,
    ProposalsIn,
    ReportOut,
    SessionProposalOut,
    forecast_body,
)
from sessions_app.selectors.foresight import get_forecast
from sessions_app.selectors.proposals import get_proposal, list_proposals
from sessions_app.selectors.report import get_report
from sessions_app.services import proposals


class ForecastView(APIView):
    """What comes."""

    required_scopes = {"GET": Scope.SESSIONS_READ}

    @extend_schema(operation_id="sessions_forecast", responses=ForecastOut)
    def get(self, request: Request, session_id: UUID) -> Response:
        """When each window will be full and when all are, with bands, and how good earlier forecasts were."""
        visible_session(Principal.of(request.auth), session_id)
        return Response(forecast_body(get_forecast(session_id, now=timezone.now())))


class ReportView(APIView):
    """What it cost."""

    required_scopes = {"GET": Scope.SESSIONS_READ}

    @extend_schema(operation_id="sessions_report", responses=ReportOut)
    def get(self, request: Request, session_id: UUID) -> Response:
        """Which operations, files and agents cost most, where room ran out, how far estimates were off."""
        visible_session(Principal.of(request.auth), session_id)
        return Response(ReportOut(get_report(session_id, now=timezone.now())).data)


class ProposalListView(APIView):
    """Proposals."""

    required_scopes = {"GET": Scope.SESSIONS_READ, "POST": Scope.SESSIONS_WRITE}

    @extend_schema(
        operation_id="sessions_proposals_list", parameters=[ProposalsIn], responses=paged(SessionProposalOut)
    )
    def get(self, request: Request, session_id: UUID) -> Response:
        """Newest first, 50 a page."""
        visible_session(Principal.of(request.auth), session_id)
        rows = list_proposals(session_id, **query_of(ProposalsIn, request), limit=PAGE + 1)
        return page_of(request, rows, lambda page: SessionProposalOut(page, many=True).data)

    @extend_schema(
        operation_id="sessions_proposals_create",
        parameters=[IDEMPOTENCY_KEY],
        request=NothingIn,
        responses={200: AnalysedSessionOut, 201: AnalysedSessionOut},
    )
    def post(self, request: Request, session_id: UUID) -> Response:
        """Analyse the session now. 201: there are new proposals. 200: nothing is news."""
        principal = Principal.of(request.auth)
        validated(NothingIn, request)
        visible_session(principal, session_id)

        def work() -> tuple[int, Any]:
            made = proposals.analyse(
                session_id=session_id, team_id=acting_team(principal), actor=principal.actor, now=timezone.now()
            )
            found = [get_proposal(session_id, each) for each in made]
            return 201 if made else 200, dict(AnalysedSessionOut({"proposals": found}).data)

        return answered_once(request, work)


class ProposalDecideView(APIView):
    """A decision."""

    required_scopes = {"POST": Scope.SESSIONS_WRITE}

    @extend_schema(
        operation_id="sessions_proposals_decide",
        parameters=[IDEMPOTENCY_KEY],
        request=DecideIn,
        responses=SessionProposalOut,
    )
    def post(self, request: Request, session_id: UUID, proposal_id: int) -> Response:
        """Accept or reject it, with a reason: by a person who signed in, not with a key. In force at once."""
        principal, values = Principal.of(request.auth), validated(DecideIn, request)
        visible_session(principal, session_id)
        decider = proposals.Decider(
            actor=principal.actor,
            is_person=principal.user_id is not None,
            may_change_budgets=principal.may(Scope.BUDGETS_WRITE),
        )

        def work() -> tuple[int, Any]:
            proposals.decide_proposal(
                session_id=session_id,
                team_id=acting_team(principal),
                proposal_id=proposal_id,
                is_accepted=values["decision"] == "accepted",
                rationale=values["rationale"],
                decider=decider,
                now=timezone.now(),
            )
            return 200, dict(SessionProposalOut(get_proposal(session_id, proposal_id)).data)

        return answered_once(request, work)


ROUTES: list[URLPattern] = [
    path("sessions/<uuid:session_id>/forecast/", ForecastView.as_view()),
    path("sessions/<uuid:session_id>/report/", ReportView.as_view()),
    path("sessions/<uuid:session_id>/proposals/", ProposalListView.as_view()),
    path("sessions/<uuid:session_id>/proposals/<int:proposal_id>/decide/", ProposalDecideView.as_view()),
]
