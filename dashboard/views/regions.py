"""Regions, and one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.kernel.errors import NotFound
from dashboard.domain.figures import percent
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.places import hour_row, region_row, signal_words
from dashboard.presentation.region import provider_name, room_row, signal_notes
from dashboard.presentation.rows import decision_row
from dashboard.sections import read_sections
from dashboard.selectors.overview import list_feed
from dashboard.selectors.region import get_region_story
from dashboard.views.page import page

DECISIONS_OF_A_REGION = 20


@require_safe
@seen_by("figures")
def regions(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Every region by intensity now."""
    now = datetime.now(UTC)
    parts = read_sections(sight, {"regions"}, now=now)
    return page(request, "dashboard/regions.html", sight, now, "regions", {"grid": parts["regions"]})


@require_safe
@seen_by("figures")
def region(request: HttpRequest, code: str, *, sight: Sight) -> HttpResponse:
    """One region: its hours, its room, and what was placed there."""
    now = datetime.now(UTC)
    try:
        story = get_region_story(code, now=now)
    except NotFound as error:
        raise Http404(error.detail) from error
    feed = list_feed(sight, limit=DECISIONS_OF_A_REGION, region_code=code)
    context = {
        "region": story.region,
        "row": region_row(story.region, story.now_signal),
        "signal": signal_words(story.now_signal),
        "provider": provider_name(story.region.provider),
        "country": story.country_name,
        "notes": signal_notes(story.now_signal),
        "hours": [hour_row(hour, signal, now=now) for hour, signal in story.hours],
        "contracted": percent(story.region.contracted_cfe_share),
        "room": [room_row(room) for room in story.room],
        "next_hour": now + timedelta(hours=1),
        "decisions": [decision_row(row) for row in feed],
    }
    return page(request, "dashboard/region.html", sight, now, "regions", context)
