"""`/api/v1/gateway/calls/` and `/api/v1/gateway/triage/`: what went through, how it was looked at, what was learned."""

from __future__ import annotations

from collections.abc import Collection
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
from config.kernel.errors import InvalidInput
from config.kernel.paging import PAGE, PageIn, page_of, query_of
from config.kernel.rest import paged, validated
from sessions_app.api.doors import IDEMPOTENCY_KEY, acting_team, answered_once, visible_session
from sessions_app.api.gateway.call_serializers import (
    CallDetailOut,
    CallOut,
    CallsIn,
    CallStoryOut,
    CorrectionOut,
    FeedbackIn,
    PreviewIn,
    PreviewOut,
)
from sessions_app.api.gateway.parsing import read_chat
from sessions_app.domain.gateway.lessons import Depth
from sessions_app.domain.gateway.wire import ChatAsk
from sessions_app.selectors.gateway.calls import CallFilter, get_call, list_calls, list_corrections
from sessions_app.services.gateway.learning import Feedback, give_feedback
from sessions_app.services.gateway.previewing import Preview, preview_chat

READ_AND_WRITE = {"GET": Scope.REQUESTS_READ, "POST": Scope.REQUESTS_WRITE}


class CallListView(APIView):
    """Calls of models."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="gateway_calls_list", parameters=[CallsIn], responses=paged(CallOut))
    def get(self, request: Request) -> Response:
        """Of your own teams, newest first, 50 a page."""
        query = query_of(CallsIn, request)
        before = query.pop("before")
        for name in ("session", "round", "request"):
            query[f"{name}_id"] = query.pop(name)
        teams = _teams(Principal.of(request.auth))
        rows = list_calls(team_ids=teams, wanted=CallFilter(**query), before=before, limit=PAGE + 1)
        return page_of(request, rows, lambda page: CallOut(page, many=True).data)


class CallView(APIView):
    """One call."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="gateway_calls_read", responses=CallDetailOut)
    def get(self, request: Request, call_id: UUID) -> Response:
        """With its attempts, its triage and what was said of its answer."""
        return Response(_body(call_id, Principal.of(request.auth)))


class FeedbackView(APIView):
    """What the caller says of an answer."""

    required_scopes = READ_AND_WRITE

    @extend_schema(
        operation_id="gateway_calls_feedback",
        parameters=[IDEMPOTENCY_KEY],
        request=FeedbackIn,
        responses=CallDetailOut,
    )
    def post(self, request: Request, call_id: UUID) -> Response:
        """Once for each call; triage learns from it. 409 `call_running` before its end, `call_unanswered` where there
        was no answer, `feedback_given` after the first time."""
        values, principal = validated(FeedbackIn, request), Principal.of(request.auth)
        said = Feedback(
            is_helpful=values["helpful"],
            depth=Depth(values["depth"]) if values["depth"] else None,
            note=values["note"],
        )

        def work() -> tuple[int, object]:
            give_feedback(
                call_id=call_id,
                team_id=acting_team(principal),
                feedback=said,
                actor=principal.actor,
                now=timezone.now(),
            )
            return 200, _body(call_id, principal)

        return answered_once(request, work)


class TriageView(APIView):
    """What triage would say."""

    required_scopes = {"POST": Scope.REQUESTS_READ}

    @extend_schema(operation_id="gateway_triage", request=PreviewIn, responses=PreviewOut)
    def post(self, request: Request) -> Response:
        """Of a chat as it would be sent. Asks no model, costs nothing, keeps nothing."""
        values, principal = validated(PreviewIn, request), Principal.of(request.auth)
        session = visible_session(principal, values["session"]) if values["session"] else None
        preview = preview_chat(
            _chat_of(values["call"]),
            principal=principal,
            purpose=values["purpose"],
            origin=values["origin"],
            session=session,
            mode=None if values["mode"] == "auto" else values["mode"],
            now=timezone.now(),
        )
        return Response(PreviewOut(_preview(preview)).data)


class CorrectionListView(APIView):
    """What outcomes have taught triage."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="gateway_corrections_list", parameters=[PageIn], responses=paged(CorrectionOut))
    def get(self, request: Request) -> Response:
        """Of your own teams' work, by kind, 50 a page."""
        teams = _teams(Principal.of(request.auth))
        rows = list_corrections(team_ids=teams, **query_of(PageIn, request), limit=PAGE + 1)
        return page_of(request, rows, lambda page: CorrectionOut(page, many=True).data)


def _teams(principal: Principal) -> Collection[int] | None:
    return None if principal.sees_everything else principal.visible_team_ids


def _chat_of(call: dict[str, Any]) -> ChatAsk:
    try:
        return read_chat(call)
    except InvalidInput as error:
        raise InvalidInput(error.detail, field=f"call.{error.field}", code=error.code) from error


def _preview(preview: Preview) -> dict[str, Any]:
    why = {"no_council": preview.no_council} if preview.no_council else {}
    return (
        preview.assessed.to_json()
        | why
        | {
            "purpose": preview.purpose,
            "origin": preview.origin,
            "model_class": preview.model_class,
            "correction": preview.correction,
            "policy": preview,
        }
    )


def _body(call_id: UUID, principal: Principal) -> object:
    found = get_call(call_id, team_ids=_teams(principal))
    return {**CallOut(found.line).data, **CallStoryOut(found).data}


_CALLS = "gateway/calls/"
ROUTES: list[URLPattern] = [
    path(_CALLS, CallListView.as_view()),
    path(f"{_CALLS}<uuid:call_id>/", CallView.as_view()),
    path(f"{_CALLS}<uuid:call_id>/feedback/", FeedbackView.as_view()),
    path("gateway/triage/", TriageView.as_view()),
    path("gateway/triage/corrections/", CorrectionListView.as_view()),
]
