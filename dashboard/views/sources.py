"""Data sources: what the figures rest on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from climate.selectors import count_quarantined
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.sources import source_story
from dashboard.sections import read_sections
from dashboard.selectors.overview import list_source_states
from dashboard.views.page import page

QUARANTINED_SINCE = timedelta(days=7)


@require_safe
@seen_by("figures")
def sources(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Every source with its state, its next run and why it is not asked."""
    now = datetime.now(UTC)
    may_change = request.user.has_perm("climate.change_datasource")
    quarantined = count_quarantined(since=now - QUARANTINED_SINCE)
    rows = [
        source_story(each, now=now, may_change=may_change, quarantined=quarantined.get(each.name, 0))
        for each in list_source_states(now=now)
    ]
    rows.sort(key=lambda row: (row["tone"] != "bad", row["tone"] == "calm", row["title"]))
    context = {
        "rows": [row for row in rows if row["is_set_up"]],
        "waiting": [row for row in rows if not row["is_set_up"]],
        "notice": read_sections(sight, {"notice"}, now=now)["notice"],
    }
    return page(request, "dashboard/sources.html", sight, now, "sources", context)
