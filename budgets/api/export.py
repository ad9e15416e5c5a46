"""The ledger as a file: `/budgets/{id}/ledger/export/`, streamed in constant memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from budgets.api.bodies import asked
from budgets.api.doors import visible_budget, visible_teams
from budgets.api.ledger import TimesQuery
from budgets.selectors.export_formats import FORMATS, write_ledger
from budgets.selectors.exports import list_subtree
from config.kernel.errors import Unavailable

MOST_AT_ONCE = 4
"""In one process: each takes a thread for as long as its reader reads."""
_places = threading.BoundedSemaphore(MOST_AT_ONCE)


class ExportQuery(TimesQuery):
    """Query of an export."""

    format = serializers.ChoiceField(choices=sorted(FORMATS))
    subtree = serializers.BooleanField(required=False, default=False)


class AnyFormat(BaseContentNegotiation):
    """The form of the file is what `format` says; refusals are JSON, whatever the caller accepts."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        """The first."""
        return next(iter(parsers))

    def select_renderer(self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None) -> Any:
        """The first."""
        chosen = next(iter(renderers))
        return chosen, chosen.media_type


class Parts:
    """The parts of a file while somebody takes them. Ends with its reader, and then gives its place back, once."""

    def __init__(self, parts: Iterator[bytes], *, is_gone: Callable[[], bool], on_end: Callable[[], None]):
        self._parts = parts
        self._is_gone = is_gone
        self._on_end: Callable[[], None] | None = on_end

    def __iter__(self) -> Iterator[bytes]:
        try:
            for part in self._parts:
                if self._is_gone():
                    return
                yield part
        finally:
            self.close()

    def close(self) -> None:
        """What the server calls, however it ended."""
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end()


class ExportView(APIView):
    """The ledger as a file."""

    required_scopes = {"GET": Scope.BUDGETS_READ}
    content_negotiation_class = AnyFormat
    http_method_names = ("get", "options")  # HEAD would read all of it for nothing

    @extend_schema(
        operation_id="budgets_ledger_export",
        parameters=[
            OpenApiParameter("format", str, enum=sorted(FORMATS), required=True),
            OpenApiParameter("since", OpenApiTypes.DATETIME, description="Entries from then on."),
            OpenApiParameter("until", OpenApiTypes.DATETIME, description="Entries before then."),
            OpenApiParameter("subtree", bool, description="With all budgets below it, ended ones too."),
        ],
        responses={(200, kind): OpenApiTypes.BINARY for kind in FORMATS.values()},
    )
    def get(self, request: Request, budget_id: UUID) -> StreamingHttpResponse:
        """Oldest first, budget by budget: what was committed when it began."""
        principal = Principal.of(request.auth)
        visible_budget(principal, budget_id)
        query = asked(ExportQuery, request)
        budget_ids = [budget_id]
        if query["subtree"]:
            teams = visible_teams(principal)
            budget_ids = list_subtree(budget_id, team_ids=teams, organisation_id=principal.organisation_id)
        if not _places.acquire(blocking=False):
            raise Unavailable(f"{MOST_AT_ONCE} exports are under way. Try again later.", retry_after_seconds=10)
        return _streamed(request, budget_id, budget_ids, query)


def _streamed(
    request: Request, budget_id: UUID, budget_ids: Sequence[UUID], query: Mapping[str, Any]
) -> StreamingHttpResponse:
    now = timezone.now()
    written = write_ledger(
        budget_ids, kind=query["format"], since=query["since"], until=query["until"], generated_at=now
    )
    # In the ASGI process the server tells of a caller who went away; a WSGI server just closes the parts.
    caller = request.META.get("asgi.scope", {}).get("caller")
    parts = Parts(written, is_gone=caller.is_gone if caller else lambda: False, on_end=_places.release)
    name = f"ledger-{budget_id}-{now:%Y%m%dT%H%M%SZ}.{query['format']}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(parts, content_type=FORMATS[query["format"]], headers=headers)
