"""`/api/v1/sessions/{id}/export/` and `/api/v1/sessions/import/`: a whole session as one JSON file."""

from __future__ import annotations

from uuid import UUID

from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from config.kernel.paging import query_of
from config.kernel.rest import StrictSerializer, validated
from sessions_app.api.doors import IDEMPOTENCY_KEY, acting_team, answered_once, visible_session
from sessions_app.services import exchange


class DocumentIn(StrictSerializer):
    """Body of `POST /api/v1/sessions/import/`: what an export answered, as it was."""

    format = serializers.CharField(max_length=40)
    version = serializers.IntegerField()
    exported_at = serializers.DateTimeField()
    sha256 = serializers.DictField(child=serializers.CharField(), help_text="Of each part's canonical JSON.")
    parts = serializers.JSONField(help_text="policy, session, events, and rows by their table.")


class ImportIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `POST /api/v1/sessions/import/`."""

    external_id = serializers.CharField(
        max_length=200, required=False, default=None, allow_blank=True, help_text="In place of that of the document."
    )


class ImportedOut(serializers.Serializer):  # type: ignore[type-arg]
    """The session that a document became."""

    id = serializers.UUIDField()


class ExportView(APIView):
    """A session as a file."""

    required_scopes = {"GET": Scope.SESSIONS_READ}

    @extend_schema(operation_id="sessions_export", responses=DocumentIn)
    def get(self, request: Request, session_id: UUID) -> Response:
        """The log, the state, windows, memory, checkpoints, handoffs, rounds and threads, each part with its hash."""
        visible_session(Principal.of(request.auth), session_id)
        document = exchange.export_session(session_id=session_id, now=timezone.now())
        name = f"session-{session_id}.json"
        return Response(document, headers={"Content-Disposition": f'attachment; filename="{name}"'})


class ImportView(APIView):
    """A session from a file."""

    required_scopes = {"POST": Scope.SESSIONS_WRITE}

    @extend_schema(
        operation_id="sessions_import",
        parameters=[IDEMPOTENCY_KEY, ImportIn],
        request=DocumentIn,
        responses={201: ImportedOut},
    )
    def post(self, request: Request) -> Response:
        """Make it a session of your team, with ids of its own. What is damaged or foreign is refused by its part.

        A body has at most 8 MiB; `manage.py import_session` takes larger files.
        """
        principal, query = Principal.of(request.auth), query_of(ImportIn, request)
        validated(DocumentIn, request)

        def work() -> tuple[int, object]:
            session_id = exchange.import_session(
                document=request.data,
                team_id=acting_team(principal),
                actor=principal.actor,
                external_id=query["external_id"],
                now=timezone.now(),
            )
            return 201, {"id": str(session_id)}

        return answered_once(request, work)


ROUTES: list[URLPattern] = [
    path("sessions/import/", ImportView.as_view()),
    path("sessions/<uuid:session_id>/export/", ExportView.as_view()),
]
