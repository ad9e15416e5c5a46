"""`/api/v1/sessions/{id}/cleanup/`, `archives/`, `tiers/`: what was cleaned up, and how to get it back."""

from __future__ import annotations

from dataclasses import asdict
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
from sessions_app.api.cleanup_serializers import (
    ArchiveDetailOut,
    ArchiveOut,
    ArchivesIn,
    CleanupIn,
    CleanupOut,
    LoadedListOut,
    LoadIn,
    RestoredOut,
    TierOut,
    TiersIn,
    ask_of,
)
from sessions_app.api.doors import IDEMPOTENCY_KEY, acting_team, answered_once, visible_session
from sessions_app.models import ContextItem, StateItem
from sessions_app.selectors.archives import get_archive, list_archives
from sessions_app.selectors.tiers import list_tiers
from sessions_app.services import tiers
from sessions_app.services.cleanup import cleaning

READ_AND_WRITE = {"GET": Scope.SESSIONS_READ, "POST": Scope.SESSIONS_WRITE}


class CleanupView(APIView):
    """Cleanup of context windows."""

    required_scopes = READ_AND_WRITE

    @extend_schema(
        operation_id="sessions_cleanup", parameters=[IDEMPOTENCY_KEY], request=CleanupIn, responses=CleanupOut
    )
    def post(self, request: Request, session_id: UUID) -> Response:
        """Free windows by the strategies of the policy, archive first. Says step by step what goes and what stays."""
        ask, principal = ask_of(validated(CleanupIn, request)), Principal.of(request.auth)
        visible_session(principal, session_id)

        def work() -> tuple[int, object]:
            done = cleaning.clean_up(
                session_id=session_id,
                team_id=acting_team(principal),
                ask=ask,
                actor=principal.actor,
                now=timezone.now(),
            )
            results = [_cleaned(each) for each in done]
            freed = sum(each["freed_tokens"] for each in results)
            return 200, CleanupOut({"dry_run": ask.is_dry_run, "freed_tokens": freed, "results": results}).data

        return answered_once(request, work)


class ArchiveListView(APIView):
    """Archives of a session."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_archives_list", parameters=[ArchivesIn], responses=paged(ArchiveOut))
    def get(self, request: Request, session_id: UUID) -> Response:
        """Newest first, 50 a page; with `q` those that have all its words."""
        visible_session(Principal.of(request.auth), session_id)
        values = query_of(ArchivesIn, request)
        rows = list_archives(session_id, query=values.pop("q"), **values, limit=PAGE + 1)
        return page_of(request, rows, lambda page: ArchiveOut(page, many=True).data)


class ArchiveView(APIView):
    """One archive."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_archives_read", responses=ArchiveDetailOut)
    def get(self, request: Request, session_id: UUID, archive_id: int) -> Response:
        """With its body, whole. 409 `archive_damaged` if it does not agree with its hash."""
        visible_session(Principal.of(request.auth), session_id)
        row, body = get_archive(session_id, archive_id)
        return Response(ArchiveDetailOut({**asdict(row), "body": body}).data)


class ArchiveRestoreView(APIView):
    """The way back from an archive."""

    required_scopes = READ_AND_WRITE

    @extend_schema(
        operation_id="sessions_archives_restore", parameters=[IDEMPOTENCY_KEY], request=None, responses=RestoredOut
    )
    def post(self, request: Request, session_id: UUID, archive_id: int) -> Response:
        """An item goes back into the window of its agent (409 `window_full` if it does not fit), a state item is warm.

        What is in the window already stays as it is. 409 `not_restorable` for what is read where it stands.
        """
        principal = Principal.of(request.auth)
        visible_session(principal, session_id)

        def work() -> tuple[int, object]:
            row = cleaning.restore(
                session_id=session_id,
                team_id=acting_team(principal),
                archive_id=archive_id,
                actor=principal.actor,
                now=timezone.now(),
            )
            return 200, RestoredOut({"archive": archive_id, **_restored(row)}).data

        return answered_once(request, work)


class TierListView(APIView):
    """Tiers of the shared state."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_tiers_list", parameters=[TiersIn], responses=paged(TierOut))
    def get(self, request: Request, session_id: UUID) -> Response:
        """Where each item is kept: hot in every prompt, warm on demand, cold in the archive."""
        visible_session(Principal.of(request.auth), session_id)
        rows = list_tiers(session_id, **query_of(TiersIn, request), limit=PAGE + 1)
        return page_of(request, rows, lambda page: TierOut(page, many=True).data)


class TierLoadView(APIView):
    """Items of the state on demand."""

    required_scopes = READ_AND_WRITE

    @extend_schema(operation_id="sessions_tiers_load", request=LoadIn, responses=LoadedListOut)
    def post(self, request: Request, session_id: UUID) -> Response:
        """Read items by their pointers. What is asked for comes a tier nearer. 404 `no_such_item` names the first."""
        values, principal = validated(LoadIn, request), Principal.of(request.auth)
        visible_session(principal, session_id)
        loaded = tiers.load_items(
            session_id=session_id,
            team_id=acting_team(principal),
            keys=values["keys"],
            actor=principal.actor,
            now=timezone.now(),
        )
        return Response(LoadedListOut({"results": loaded}).data)


def _cleaned(done: cleaning.Cleaned) -> dict[str, Any]:
    freed = done.freed
    return {
        "agent": done.agent,
        "epoch": done.epoch,
        "tokens_before": freed.tokens_before,
        "tokens_after": freed.tokens_after,
        "freed_tokens": freed.tokens_before - freed.tokens_after,
        "missing_tokens": done.missing_tokens,
        "seq": freed.seq,
        "steps": [
            {**asdict(each), "freed_tokens": each.tokens_before - each.tokens_after, "keys": each.keys}
            for each in freed.steps
        ],
    }


def _restored(row: ContextItem | StateItem) -> dict[str, Any]:
    if isinstance(row, StateItem):
        none = {"agent": "", "item": None, "tokens": 0, "text": "", "locator": ""}
        return {"key": row.key, "to": "state", "tier": row.tier, **none}
    return {
        "key": row.key,
        "to": "window",
        "tier": "",
        "agent": row.instance.agent,
        "item": row.pk,
        "tokens": row.tokens,
        "text": row.text,
        "locator": row.locator,
    }


ROUTES: list[URLPattern] = [
    path("sessions/<uuid:session_id>/cleanup/", CleanupView.as_view()),
    path("sessions/<uuid:session_id>/archives/", ArchiveListView.as_view()),
    path("sessions/<uuid:session_id>/archives/<int:archive_id>/", ArchiveView.as_view()),
    path(
        "sessions/<uuid:session_id>/archives/<int:archive_id>/restore/",
        ArchiveRestoreView.as_view(),
    ),
    path("sessions/<uuid:session_id>/tiers/", TierListView.as_view()),
    path("sessions/<uuid:session_id>/tiers/load/", TierLoadView.as_view()),
]
