"""`/api/v1/sessions/{id}/usage/`, `holds/`, `windows/`: what calls took, and what windows hold."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
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
from budgets.domain.refusals import BudgetExhausted
from config.kernel.errors import NotAllowed
from config.kernel.paging import PAGE, page_of, query_of
from config.kernel.rest import paged, validated
from sessions_app.api import items
from sessions_app.api import usage_answers as answers
from sessions_app.api import usage_serializers as bodies
from sessions_app.api.doors import IDEMPOTENCY_KEY, acting_team, answered_once, visible_session
from sessions_app.selectors import windows as read
from sessions_app.services.windows import holds
from sessions_app.services.windows.sizes import window_of
from sessions_app.services.windows.usage import Recorded, record_usage

READ_AND_WRITE = {
    "GET": Scope.SESSIONS_READ,
    "POST": Scope.SESSIONS_WRITE,
    "DELETE": Scope.SESSIONS_WRITE,
}


class UsageView(APIView):
    """Calls of the agents."""

    required_scopes = READ_AND_WRITE

    @extend_schema(
        operation_id="sessions_usage_list", parameters=[bodies.UsageQuery], responses=paged(answers.UsageOut)
    )
    def get(self, request: Request, session_id: UUID) -> Response:
        """Newest first, 50 a page."""
        visible_session(Principal.of(request.auth), session_id)
        rows = read.list_usage(session_id, **query_of(bodies.UsageQuery, request), limit=PAGE + 1)
        return page_of(request, rows, lambda page: answers.UsageOut(page, many=True).data)

    @extend_schema(operation_id="sessions_usage_record", request=bodies.UsageIn, responses={201: answers.RecordedOut})
    def post(self, request: Request, session_id: UUID) -> Response:
        """Tell of a call. The same `call_id` again is answered as before, and counted once.

        One transaction: the tokens, what the window holds now, the hold that is settled, the change of the
        state. Then the ladder acts: it warns, moves state to the warm tier, makes a checkpoint and compacts,
        begins a handoff. 409 `stale_epoch`, `stale_sequence` (the patch), `already_resolved` (the hold).
        """
        principal = Principal.of(request.auth)
        visible_session(principal, session_id)
        values = validated(bodies.UsageIn, request)
        recorded = record_usage(
            session_id=session_id,
            team_id=acting_team(principal),
            agent=values["agent"],
            epoch=values["epoch"],
            report=bodies.report_of(values),
            actor=principal.actor,
            now=timezone.now(),
        )
        headers = {"Idempotent-Replayed": "true"} if recorded.was_replayed else {}
        if recorded.warning_percent is not None:
            headers["X-Budget-Warning"] = str(recorded.warning_percent)
        return Response(_recorded(recorded), status=201, headers=headers)


class HoldListView(APIView):
    """Holds that agents work under."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_holds_list", responses=paged(answers.SessionHoldOut))
    def get(self, request: Request, session_id: UUID) -> Response:
        """Those that were neither settled nor released, oldest first."""
        visible_session(Principal.of(request.auth), session_id)
        rows = read.list_open_holds(session_id)
        results = answers.SessionHoldOut(rows, many=True).data
        return Response({"next": None, "previous": None, "results": results})

    @extend_schema(
        operation_id="sessions_holds_create",
        parameters=[IDEMPOTENCY_KEY],
        request=bodies.HoldIn,
        responses={201: answers.ReservedOut},
    )
    def post(self, request: Request, session_id: UUID) -> Response:
        """Reserve before a call, on the agent's budget or else the session's. 402 where a budget cannot pay."""
        principal = Principal.of(request.auth)
        visible_session(principal, session_id)
        if not principal.may(Scope.BUDGETS_SPEND):
            raise NotAllowed("A hold reserves on a budget: that needs the scope budgets:spend.")
        values, now = validated(bodies.HoldIn, request), timezone.now()
        ask = holds.HoldAsk(
            agent=values["agent"],
            epoch=values["epoch"],
            amounts=bodies.amounts_of(values),
            lease_expires_at=now + timedelta(seconds=values["lease_seconds"]),
            reference=values["reference"],
        )

        def work() -> tuple[int, object]:
            placed = holds.reserve(
                session_id=session_id, team_id=acting_team(principal), ask=ask, actor=principal.actor, now=now
            )
            return 201, answers.ReservedOut(_reserved(ask, placed)).data

        try:
            return answered_once(request, work)
        except BudgetExhausted as refusal:
            holds.note_refused(refusal, now=now)
            raise


class HoldView(APIView):
    """One hold."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_holds_release", parameters=[bodies.EpochIn], responses=answers.SessionHoldOut)
    def delete(self, request: Request, session_id: UUID, hold_id: UUID) -> Response:
        """Give it back: the call was not made. 409 if it was settled or released before."""
        principal = Principal.of(request.auth)
        visible_session(principal, session_id)
        row = holds.release(
            session_id=session_id,
            team_id=acting_team(principal),
            hold_id=hold_id,
            **query_of(bodies.EpochIn, request),
            actor=principal.actor,
            now=timezone.now(),
        )
        return Response(answers.SessionHoldOut(row).data)


class WindowsView(APIView):
    """Context windows."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_windows", responses=answers.WindowsOut)
    def get(self, request: Request, session_id: UUID) -> Response:
        """Of all active agents: occupancy, components against their shares, and what the task should need."""
        session = visible_session(Principal.of(request.auth), session_id)
        return Response(answers.WindowsOut(read.get_windows(session)).data)


def _recorded(recorded: Recorded) -> dict[str, Any]:
    instance = recorded.instance
    window = {
        "epoch": instance.epoch,
        "context_tokens": instance.context_tokens,
        "window_tokens": instance.window_tokens,
        "occupancy_percent": window_of(instance).percent,
        "rungs": instance.fired_rungs,
        "components": instance.component_tokens,
    }
    body: dict[str, Any] = answers.RecordedOut({**recorded.facts, "seq": recorded.seq, "window": window}).data
    return body


def _reserved(ask: holds.HoldAsk, placed: holds.Reserved) -> dict[str, Any]:
    return {
        **asdict(placed),
        "hold": placed.hold_id,
        "budget": placed.budget_id,
        "agent": ask.agent,
        "tokens": ask.amounts.tokens,
        "expires_at": ask.lease_expires_at,
        "warning": placed.warning_percent,
    }


ROUTES: list[URLPattern] = [
    path("sessions/<uuid:session_id>/usage/", UsageView.as_view()),
    path("sessions/<uuid:session_id>/holds/", HoldListView.as_view()),
    path("sessions/<uuid:session_id>/holds/<uuid:hold_id>/", HoldView.as_view()),
    path("sessions/<uuid:session_id>/windows/", WindowsView.as_view()),
    *items.ROUTES,
]
