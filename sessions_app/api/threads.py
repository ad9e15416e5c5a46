"""`/api/v1/threads/`: checkpoints of agents that keep theirs by LangGraph's interface."""

from __future__ import annotations

from urllib.parse import unquote, urlencode
from uuid import UUID

from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from config.kernel.errors import InvalidInput, NotFound
from config.kernel.paging import PAGE, query_of
from config.kernel.rest import paged, validated
from sessions_app.api.doors import acting_team
from sessions_app.api.thread_serializers import (
    LONGEST_ID,
    LONGEST_NAME,
    CheckpointDetailOut,
    CheckpointIn,
    CheckpointPageOut,
    CheckpointsIn,
    CopyIn,
    CountOut,
    NamespaceIn,
    RestoreIn,
    RunsIn,
    StoredOut,
    ThreadOut,
    ThreadsIn,
    WritesIn,
    checkpoint_ask_of,
    shown,
    writes_ask_of,
)
from sessions_app.selectors import threads as selectors
from sessions_app.services import threads as services

LATEST = "latest"
SCOPES = {
    "GET": Scope.SESSIONS_READ,
    "PUT": Scope.SESSIONS_WRITE,
    "POST": Scope.SESSIONS_WRITE,
    "DELETE": Scope.SESSIONS_WRITE,
}


class ThreadListView(APIView):
    """Threads."""

    required_scopes = SCOPES

    @extend_schema(operation_id="sessions_threads_list", parameters=[ThreadsIn], responses=paged(ThreadOut))
    def get(self, request: Request) -> Response:
        """Of your own team: sessions that hold checkpoints of LangGraph, by name, 50 a page."""
        team_id = acting_team(Principal.of(request.auth))
        after = query_of(ThreadsIn, request)["after"]
        rows = selectors.list_threads([team_id], after=after, limit=PAGE + 1)
        here = request.build_absolute_uri(request.path)
        following = f"{here}?{urlencode({'after': rows[PAGE - 1].thread_id})}" if len(rows) > PAGE else None
        results = ThreadOut(rows[:PAGE], many=True).data
        return Response({"next": following, "previous": here if after else None, "results": results})

    @extend_schema(operation_id="sessions_threads_delete_runs", parameters=[RunsIn], responses=CountOut)
    def delete(self, request: Request) -> Response:
        """Archive and remove the checkpoints of the runs that `run_id` names (once for each), in all your threads."""
        principal = Principal.of(request.auth)
        query = RunsIn(data={"run_id": request.query_params.getlist("run_id")})
        query.is_valid(raise_exception=True)
        count = services.delete_runs(
            run_ids=query.validated_data["run_id"],
            team_id=acting_team(principal),
            actor=principal.actor,
            now=timezone.now(),
        )
        return Response(CountOut({"checkpoints": count}).data)


class ThreadView(APIView):
    """One thread. Its name is percent-encoded once more than a URL asks, so that it may hold any character."""

    required_scopes = SCOPES

    @extend_schema(operation_id="sessions_threads_read", responses=ThreadOut)
    def get(self, request: Request, thread_id: str) -> Response:
        """How much it holds, and its session."""
        team_id = acting_team(Principal.of(request.auth))
        return Response(ThreadOut(selectors.get_thread(team_id, named(thread_id))).data)

    @extend_schema(operation_id="sessions_threads_delete", responses=CountOut)
    def delete(self, request: Request, thread_id: str) -> Response:
        """Archive and remove its checkpoints and writes. The log and the archives stay; 0 if there is none."""
        principal = Principal.of(request.auth)
        count = services.delete_thread(
            thread_id=named(thread_id), team_id=acting_team(principal), actor=principal.actor, now=timezone.now()
        )
        return Response(CountOut({"checkpoints": count}).data)


class ThreadPruneView(APIView):
    """Old checkpoints of a thread."""

    required_scopes = SCOPES

    @extend_schema(operation_id="sessions_threads_prune", request=None, responses=CountOut)
    def post(self, request: Request, thread_id: str) -> Response:
        """Keep the newest of each namespace, archive and remove the others. 409 if the newest is rebuilt from them."""
        principal = Principal.of(request.auth)
        count = services.prune_thread(
            thread_id=named(thread_id), team_id=acting_team(principal), actor=principal.actor, now=timezone.now()
        )
        return Response(CountOut({"checkpoints": count}).data)


class ThreadCopyView(APIView):
    """Copies of a thread."""

    required_scopes = SCOPES

    @extend_schema(operation_id="sessions_threads_copy", request=CopyIn, responses=CountOut)
    def post(self, request: Request, thread_id: str) -> Response:
        """Copy all of it to a thread that has no checkpoints; 409 if that one has."""
        values, principal = validated(CopyIn, request), Principal.of(request.auth)
        count = services.copy_thread(
            thread_id=named(thread_id),
            to=values["to"],
            team_id=acting_team(principal),
            actor=principal.actor,
            now=timezone.now(),
        )
        return Response(CountOut({"checkpoints": count}).data)


class ThreadRestoreView(APIView):
    """What was archived of a thread."""

    required_scopes = SCOPES

    @extend_schema(operation_id="sessions_threads_restore", request=RestoreIn, responses=CountOut)
    def post(self, request: Request, thread_id: str) -> Response:
        """Put the checkpoints of an archive back where they are missing."""
        values, principal = validated(RestoreIn, request), Principal.of(request.auth)
        count = services.restore_thread(
            thread_id=named(thread_id),
            archive_id=values["archive"],
            team_id=acting_team(principal),
            actor=principal.actor,
            now=timezone.now(),
        )
        return Response(CountOut({"checkpoints": count}).data)


class CheckpointListView(APIView):
    """Checkpoints of a thread."""

    required_scopes = SCOPES

    @extend_schema(
        operation_id="sessions_threads_checkpoints_list", parameters=[CheckpointsIn], responses=CheckpointPageOut
    )
    def get(self, request: Request, thread_id: str) -> Response:
        """Newest first, 50 a page; values that several share are answered once. Empty if there is no such thread."""
        query = query_of(CheckpointsIn, request)
        session_id = selectors.find_thread(acting_team(Principal.of(request.auth)), named(thread_id))
        if session_id is None:
            return Response({"next": None, "previous": None, "results": [], "blobs": []})
        facts = selectors.list_checkpoints(session_id, **query)
        here, kept = request.build_absolute_uri(request.path), request.query_params.dict()
        before = kept.pop("before", None)
        following = {**kept, "before": facts.checkpoints[-1].checkpoint_id} if facts.has_more else None
        return Response(
            {
                "next": f"{here}?{urlencode(following)}" if following else None,
                "previous": f"{here}?{urlencode(kept)}" if before else None,
                **shown(facts),
            }
        )


class CheckpointView(APIView):
    """One checkpoint of a thread."""

    required_scopes = SCOPES

    @extend_schema(
        operation_id="sessions_threads_checkpoints_read", parameters=[NamespaceIn], responses=CheckpointDetailOut
    )
    def get(self, request: Request, thread_id: str, checkpoint_id: str) -> Response:
        """With the values of its channels and its pending writes; `latest` is the newest of its namespace."""
        session_id = _session(request, thread_id)
        wanted = None if checkpoint_id == LATEST else checkpoint_id
        facts = selectors.get_checkpoint(session_id, query_of(NamespaceIn, request)["namespace"], wanted)
        body = shown(facts)
        return Response({"checkpoint": body["results"][0], "blobs": body["blobs"]})

    @extend_schema(operation_id="sessions_threads_checkpoints_put", request=CheckpointIn, responses=StoredOut)
    def put(self, request: Request, thread_id: str, checkpoint_id: str) -> Response:
        """Store it; the thread begins with its first. The same again changes nothing."""
        ask, principal = checkpoint_ask_of(_id(checkpoint_id), validated(CheckpointIn, request)), _principal(request)
        seq = services.put_checkpoint(
            thread_id=named(thread_id),
            team_id=acting_team(principal),
            ask=ask,
            actor=principal.actor,
            now=timezone.now(),
        )
        return Response(StoredOut({"seq": seq}).data)


class WritesView(APIView):
    """Pending writes at a checkpoint."""

    required_scopes = SCOPES

    @extend_schema(operation_id="sessions_threads_writes_put", request=WritesIn, responses=StoredOut)
    def put(self, request: Request, thread_id: str, checkpoint_id: str) -> Response:
        """Store those of a task that are new; those of an index below zero replace earlier ones."""
        ask, principal = writes_ask_of(_id(checkpoint_id), validated(WritesIn, request)), _principal(request)
        seq = services.put_writes(
            thread_id=named(thread_id),
            team_id=acting_team(principal),
            ask=ask,
            actor=principal.actor,
            now=timezone.now(),
        )
        return Response(StoredOut({"seq": seq}).data)


def named(segment: str) -> str:
    """The name of a thread that a segment of a path says. Raises InvalidInput."""
    name = unquote(segment)
    if not name or len(name) > LONGEST_NAME or "\0" in name or "\ufffd" in name:
        raise InvalidInput(f"The name of a thread has 1 to {LONGEST_NAME} characters.", field="thread_id")
    return name


def _id(checkpoint_id: str) -> str:
    if len(checkpoint_id) > LONGEST_ID or "\0" in checkpoint_id or checkpoint_id == LATEST:
        raise InvalidInput(f"The id of a checkpoint has at most {LONGEST_ID} characters.", field="checkpoint_id")
    return checkpoint_id


def _principal(request: Request) -> Principal:
    return Principal.of(request.auth)


def _session(request: Request, thread_id: str) -> UUID:
    session_id = selectors.find_thread(acting_team(_principal(request)), named(thread_id))
    if session_id is None:
        raise NotFound("Your team has no such thread.", field="thread_id")
    return session_id


ROUTES: list[URLPattern] = [
    path("threads/", ThreadListView.as_view()),
    path("threads/<str:thread_id>/", ThreadView.as_view()),
    path("threads/<str:thread_id>/prune/", ThreadPruneView.as_view()),
    path("threads/<str:thread_id>/copy/", ThreadCopyView.as_view()),
    path("threads/<str:thread_id>/restore/", ThreadRestoreView.as_view()),
    path("threads/<str:thread_id>/checkpoints/", CheckpointListView.as_view()),
    path("threads/<str:thread_id>/checkpoints/<str:checkpoint_id>/", CheckpointView.as_view()),
    path("threads/<str:thread_id>/checkpoints/<str:checkpoint_id>/writes/", WritesView.as_view()),
]
