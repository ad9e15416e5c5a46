"""`/api/v1/sessions/{id}/state/` and `events/`: deltas by compare-and-set, the state at any point, the timeline."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from config.kernel.paging import page_of, query_of
from config.kernel.rest import paged, validated
from sessions_app.api.doors import acting_team, visible_session
from sessions_app.api.state_serializers import EventOut, EventsIn, PatchedOut, PatchIn, StateIn, StateOut
from sessions_app.selectors.events import EventRow, get_event, list_events
from sessions_app.selectors.state import get_state, get_state_at, point_of
from sessions_app.services.log import Writer, patch_from_outside

EVENT_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Names the event: the same key with the same delta is stored once. At most 120 characters.",
)


class StateView(APIView):
    """The shared state of a session."""

    required_scopes = {"GET": Scope.SESSIONS_READ, "PATCH": Scope.SESSIONS_WRITE}

    @extend_schema(operation_id="sessions_state_read", parameters=[StateIn], responses=StateOut)
    def get(self, request: Request, session_id: UUID) -> Response:
        """As it stands, or as it stood after an event or at a time."""
        visible_session(Principal.of(request.auth), session_id)
        query = query_of(StateIn, request)
        if query["at"] is not None:
            facts = get_state_at(session_id, point_of(session_id, query["at"]))
        else:
            facts = get_state(session_id, **({"tiers": query["tier"]} if query["tier"] else {}))
        # Not through serializers, which would copy every member of the state.
        return Response({"seq": facts.seq, "at": facts.at, "digest": facts.digest, "state": facts.state})

    @extend_schema(operation_id="sessions_state_update", parameters=[EVENT_KEY], request=PatchIn, responses=PatchedOut)
    def patch(self, request: Request, session_id: UUID) -> Response:
        """Append a delta made at `base_seq`.

        409 `stale_sequence` if the log has gone on, with `head_seq` and the `events` since: apply these, make
        the delta anew, try again. 409 `test_failed` if a test of a patch fails, `stale_epoch` for an earlier
        life of the agent.
        """
        values, principal = validated(PatchIn, request), Principal.of(request.auth)
        done = patch_from_outside(
            session_id=session_id,
            team_id=acting_team(principal),
            base_seq=values["base_seq"],
            format=values["format"],
            delta=values["delta"],
            writer=Writer(actor=principal.actor, agent=values["agent"], epoch=values["epoch"]),
            key=request.headers.get("Idempotency-Key"),
            may_rebase=values["rebase"],
            now=timezone.now(),
        )
        return Response(
            PatchedOut(asdict(done)).data, headers={"Idempotent-Replayed": "true"} if done.was_replayed else {}
        )


class EventListView(APIView):
    """The log of a session."""

    required_scopes = {"GET": Scope.SESSIONS_READ}

    @extend_schema(operation_id="sessions_events_list", parameters=[EventsIn], responses=paged(EventOut))
    def get(self, request: Request, session_id: UUID) -> Response:
        """Newest first; with `after` oldest first, to follow it. Events that were archived are here too."""
        visible_session(Principal.of(request.auth), session_id)
        query = query_of(EventsIn, request)
        limit, with_deltas = query.pop("limit"), query.pop("deltas")
        rows = list_events(session_id, **query, with_deltas=with_deltas, limit=limit + 1)
        if query["after"] is not None:
            return _following(request, rows, limit)
        return page_of(request, rows, _shown, page=limit)


class EventView(APIView):
    """One event."""

    required_scopes = {"GET": Scope.SESSIONS_READ}

    @extend_schema(operation_id="sessions_events_read", responses=EventOut)
    def get(self, request: Request, session_id: UUID, seq: int) -> Response:
        """With what it changed in the state."""
        visible_session(Principal.of(request.auth), session_id)
        return Response(EventOut(get_event(session_id, seq)).data)


def _shown(rows: list[EventRow]) -> Any:
    return EventOut(rows, many=True).data


def _following(request: Request, rows: list[EventRow], limit: int) -> Response:
    """A page that goes on after its last event."""
    following = None
    if len(rows) > limit:
        asked = {**request.query_params.dict(), "after": str(rows[limit - 1].seq)}
        following = f"{request.build_absolute_uri(request.path)}?{urlencode(asked)}"
    return Response({"next": following, "previous": None, "results": _shown(rows[:limit])})


ROUTES: list[URLPattern] = [
    path("sessions/<uuid:session_id>/state/", StateView.as_view()),
    path("sessions/<uuid:session_id>/events/", EventListView.as_view()),
    path("sessions/<uuid:session_id>/events/<int:seq>/", EventView.as_view()),
]
