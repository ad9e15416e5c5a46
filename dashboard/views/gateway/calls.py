"""One call of a model."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.kernel.errors import NotFound
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.gateway.calls import call_story
from dashboard.views.page import page
from sessions_app.selectors.gateway.board import get_call_line


@require_safe
@seen_by("details")
def call(request: HttpRequest, call_id: UUID, *, sight: Sight) -> HttpResponse:
    """Where it went, what triage said, what it used and cost."""
    now = datetime.now(UTC)
    try:
        line, triage = get_call_line(call_id, team_ids=sight.sealed_team_ids)
    except NotFound as error:
        raise Http404(error.detail) from error
    context = {"call": call_story(line, triage, now=now)}
    return page(request, "dashboard/gateway/call.html", sight, now, "gateway", context)
