"""`/api/v1/sessions/{id}/checkpoints/`, `restore/`, `continuity/`: points to return to, and how to go on."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.selectors import find_remembered_principal
from config.kernel.errors import Unavailable
from config.kernel.paging import PAGE, page_of, query_of
from config.kernel.rest import paged, validated
from sessions_app.api.checkpoint_serializers import (
    ContinuityIn,
    ContinuityOut,
    KeptOut,
    SessionCheckpointDetailOut,
    SessionCheckpointIn,
    SessionCheckpointOut,
    SessionCheckpointsIn,
    StateRestoreAtIn,
    StateRestoredOut,
    StateRestoreIn,
    said_of,
    writer_of,
)
from sessions_app.api.doors import IDEMPOTENCY_KEY, acting_team, answered_once, visible_session
from sessions_app.domain.words import Reason
from sessions_app.models import Checkpoint
from sessions_app.selectors.checkpoints import get_checkpoint, list_checkpoints
from sessions_app.selectors.continuity import get_continuity, get_continuity_at
from sessions_app.selectors.policies import terms_of
from sessions_app.selectors.state import point_of
from sessions_app.services import checkpoints

KNOWN_IN_AN_OUTAGE = timedelta(hours=1)
READ_AND_WRITE = {"GET": Scope.SESSIONS_READ, "POST": Scope.SESSIONS_WRITE}
WORDS = {
    Checkpoint.Store.SPOOL: "The database does not take it now. It waits whole on this server's disk.",
    Checkpoint.Store.EMERGENCY: "The database and the spool do not take it now. Its point and its first words are "
    "kept; send the summary again.",
}


class CheckpointListView(APIView):
    """Checkpoints of a session."""

    def perform_authentication(self, request: Request) -> None:
        """Without a database, a key that this process has found lately may still have its checkpoint kept aside."""
        try:
            super().perform_authentication(request)
        except checkpoints.STORE_FAILED:
            principal = _remembered(request)
            if principal is None or request.method != "POST":
                raise
            request.user, request.auth = AnonymousUser(), principal

    required_scopes = READ_AND_WRITE

    @extend_schema(
        operation_id="sessions_checkpoints_list",
        parameters=[SessionCheckpointsIn],
        responses=paged(SessionCheckpointOut),
    )
    def get(self, request: Request, session_id: UUID) -> Response:
        """Newest first, 50 a page; the last five are hot, the others lie in the archive."""
        visible_session(Principal.of(request.auth), session_id)
        rows = list_checkpoints(session_id, **query_of(SessionCheckpointsIn, request), limit=PAGE + 1)
        return page_of(request, rows, lambda page: SessionCheckpointOut(page, many=True).data)

    @extend_schema(
        operation_id="sessions_checkpoints_create",
        parameters=[IDEMPOTENCY_KEY],
        request=SessionCheckpointIn,
        responses={201: SessionCheckpointDetailOut, 202: KeptOut},
    )
    def post(self, request: Request, session_id: UUID) -> Response:
        """Make one. 202 if the database does not take it: it waits on the disk and is made good by itself."""
        ask, answers = _ask(request, session_id), []

        def work() -> tuple[int, object]:
            visible_session(Principal.of(request.auth), session_id)
            kept = checkpoints.ask_checkpoint(ask=ask, now=timezone.now())
            return 201, _body(session_id, kept)

        def in_database() -> checkpoints.Kept:
            answers.append(answered_once(request, work))
            return checkpoints.Kept(store=Checkpoint.Store.DATABASE, key=ask.key)

        kept = checkpoints.save_checkpoint(ask=ask, now=timezone.now(), work=in_database)
        return answers[0] if answers else _waiting(kept)


class CheckpointView(APIView):
    """One checkpoint."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_checkpoints_read", responses=SessionCheckpointDetailOut)
    def get(self, request: Request, session_id: UUID, checkpoint_id: int) -> Response:
        """With its document and its summary. 409 `checkpoint_damaged` if it does not agree with its hash."""
        visible_session(Principal.of(request.auth), session_id)
        return Response(_shown(session_id, checkpoint_id))


class CheckpointRestoreView(APIView):
    """The way back to a checkpoint."""

    required_scopes = READ_AND_WRITE

    @extend_schema(
        operation_id="sessions_checkpoints_restore",
        parameters=[IDEMPOTENCY_KEY],
        request=StateRestoreIn,
        responses=StateRestoredOut,
    )
    def post(self, request: Request, session_id: UUID, checkpoint_id: int) -> Response:
        """Append the delta that leads the shared state back to it. Windows, facts and what was spent stay."""
        values, principal = validated(StateRestoreIn, request), Principal.of(request.auth)
        visible_session(principal, session_id)

        def work() -> tuple[int, object]:
            done = checkpoints.restore_checkpoint(
                session_id=session_id,
                team_id=acting_team(principal),
                checkpoint_id=checkpoint_id,
                writer=writer_of(values, principal.actor),
                base_seq=values["base_seq"],
                now=timezone.now(),
            )
            return 200, asdict(done)

        return answered_once(request, work)


class RestoreView(APIView):
    """The way back to any point of the log."""

    required_scopes = READ_AND_WRITE

    @extend_schema(
        operation_id="sessions_restore",
        parameters=[IDEMPOTENCY_KEY],
        request=StateRestoreAtIn,
        responses=StateRestoredOut,
    )
    def post(self, request: Request, session_id: UUID) -> Response:
        """Append the delta that leads the shared state back to what it was after an event, or at a time."""
        values, principal = validated(StateRestoreAtIn, request), Principal.of(request.auth)
        visible_session(principal, session_id)

        def work() -> tuple[int, object]:
            done = checkpoints.restore(
                session_id=session_id,
                team_id=acting_team(principal),
                to_seq=point_of(session_id, values["at"]),
                writer=writer_of(values, principal.actor),
                base_seq=values["base_seq"],
                now=timezone.now(),
            )
            return 200, asdict(done)

        return answered_once(request, work)


class ContinuityView(APIView):
    """The continuity document."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_continuity_read", parameters=[ContinuityIn], responses=ContinuityOut)
    def get(self, request: Request, session_id: UUID) -> Response:
        """What is done, in progress and next, where things are and how to go on: as it stands, or `at` a point."""
        session, at = visible_session(Principal.of(request.auth), session_id), query_of(ContinuityIn, request)["at"]
        point, document = get_continuity_at(session, point_of(session_id, at)) if at else get_continuity(session)
        return Response(
            ContinuityOut(
                {
                    "seq": point.seq,
                    "at": point.at,
                    "tokens": document.tokens,
                    "most_tokens": terms_of(session).checkpoints.continuity_tokens,
                    "document": document.body,
                }
            ).data
        )


def _remembered(request: Request) -> Principal | None:
    """Whoever has just been known. That the session is theirs is asked when the checkpoint is made good."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return find_remembered_principal(secret.strip(), now=timezone.now(), within=KNOWN_IN_AN_OUTAGE)


def _ask(request: Request, session_id: UUID) -> checkpoints.CheckpointAsk:
    values, principal = validated(SessionCheckpointIn, request), Principal.of(request.auth)
    team_id = acting_team(principal)
    ask = checkpoints.CheckpointAsk(
        session_id=session_id,
        team_id=team_id,
        reason=Reason(values["reason"]),
        writer=writer_of(values, principal.actor),
        said=said_of(values),
    )
    if name := request.headers.get("Idempotency-Key"):
        ask.key = checkpoints.key_of(f"{team_id}\0{name}")
    return ask


def _body(session_id: UUID, kept: checkpoints.Kept) -> dict[str, Any]:
    if kept.checkpoint_id is None:
        raise AssertionError("What is in the database has a number.")
    return _shown(session_id, kept.checkpoint_id)


def _shown(session_id: UUID, checkpoint_id: int) -> dict[str, Any]:
    facts = get_checkpoint(session_id, checkpoint_id)
    told = {"document": facts.document, "summary": facts.summary, "sha256": facts.sha256}
    body: dict[str, Any] = SessionCheckpointDetailOut({**asdict(facts.line), **told}).data
    return body


def _waiting(kept: checkpoints.Kept) -> Response:
    """202, or 503 where only the log has it: that is read by people."""
    if kept.store not in WORDS:
        raise Unavailable("Neither the database nor the disk takes it. Only the server's log tells that you asked.")
    words = WORDS[Checkpoint.Store(kept.store)]
    return Response(KeptOut({"store": kept.store, "key": kept.key, "detail": words}).data, status=202)


_HERE = "sessions/<uuid:session_id>"
ROUTES: list[URLPattern] = [
    path(f"{_HERE}/checkpoints/", CheckpointListView.as_view()),
    path(f"{_HERE}/checkpoints/<int:checkpoint_id>/", CheckpointView.as_view()),
    path(f"{_HERE}/checkpoints/<int:checkpoint_id>/restore/", CheckpointRestoreView.as_view()),
    path(f"{_HERE}/restore/", RestoreView.as_view()),
    path(f"{_HERE}/continuity/", ContinuityView.as_view()),
]
