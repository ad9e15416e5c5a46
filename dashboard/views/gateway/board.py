"""The gateway: where calls go now, and which went through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.gateway.calls import call_row, gateway_cards
from dashboard.presentation.gateway.deployments import breaker_row, name_rows, weight_words
from dashboard.sections import read_part
from dashboard.views.page import page
from sessions_app.selectors.gateway.board import (
    get_call_sums,
    list_breaker_lines,
    list_call_lines,
    list_first_byte_ms,
)
from sessions_app.services.gateway.registry import snapshot as registry

SHOWN = 50
BREAKERS_SHOWN = 10
FIRST_BYTES = 200
DAY = timedelta(days=1)
FILTERS = (
    ("all", "All"),
    ("running", "Running"),
    ("answered", "Answered"),
    ("refused", "Refused"),
    ("failed", "Failed"),
)
STATUSES = {
    "all": None,
    "running": ("running",),
    "answered": ("answered", "cut"),
    "refused": ("refused",),
    "failed": ("failed", "lost"),
}
"""What each filter shows; the sums above the list count the same."""


@require_safe
@seen_by("details")
def gateway(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Deployments in the order in which a call would try them, and calls, newest first."""
    now = datetime.now(UTC)
    chosen = request.GET.get("status", "all")
    status = chosen if chosen in dict(FILTERS) else "all"
    before = _time(request.GET.get("before", ""))
    teams = sight.sealed_team_ids
    lines = read_part(
        "calls",
        lambda: list_call_lines(team_ids=teams, statuses=STATUSES[status], before=before, limit=SHOWN + 1),
    )
    shown = (lines or [])[:SHOWN]
    sums = read_part("sums of calls", lambda: get_call_sums(team_ids=teams, since=now - DAY))
    first_bytes = read_part(
        "first bytes", lambda: list_first_byte_ms(team_ids=teams, since=now - DAY, limit=FIRST_BYTES)
    )
    seen = read_part("deployments", lambda: registry(now))
    breakers = read_part("breakers", lambda: list_breaker_lines(limit=BREAKERS_SHOWN))
    context = {
        "cards": gateway_cards(sums, first_bytes or []) if sums else [],
        "calls": None if lines is None else [call_row(line, now=now) for line in shown],
        "filters": FILTERS,
        "status": status,
        "is_first": before is None,
        "older": shown[-1].created_at.isoformat() if lines and len(lines) > SHOWN else "",
        "breakers": None if breakers is None else [breaker_row(each, now=now) for each in breakers],
        "names": None if seen is None else name_rows(seen, shows_problems=sight.is_staff, now=now),
        "policy": f"{seen.policy_name} v{seen.policy_version}" if seen else "",
        "weights": weight_words(seen) if seen else "",
        "base_url": request.build_absolute_uri("/v1"),
        "example_model": "echo",
    }
    return page(request, "dashboard/gateway/gateway.html", sight, now, "gateway", context)


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
