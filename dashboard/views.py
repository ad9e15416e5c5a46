"""Pages. Each is complete without JavaScript; the clock is read here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.views import LoginView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from budgets.selectors import get_bands
from config.kernel.errors import NotFound
from dashboard.domain.figures import percent
from dashboard.domain.intensity import BUCKET_STARTS_G_PER_KWH
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.detail import request_story
from dashboard.presentation.places import hour_row, region_row, signal_words
from dashboard.presentation.region import provider_name, room_row, signal_notes
from dashboard.presentation.rows import decision_row
from dashboard.presentation.world import get_world_map
from dashboard.sections import allowed_sections, read_sections
from dashboard.selectors.overview import list_feed
from dashboard.selectors.region import get_region_story, list_capacity_sources
from market.domain.views import DecisionRow
from market.selectors import get_request_detail

PAGE_LENGTH = 50
DECISIONS_OF_A_REGION = 20


@require_safe
@seen_by("figures")
def overview(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Where AI work runs now, why, and what it costs the climate."""
    now = datetime.now(UTC)
    parts = read_sections(sight, allowed_sections(sight), now=now)
    world = get_world_map()
    rows = {row["key"]: row for row in parts["regions"]["countries"]} if parts["regions"] else {}
    context: dict[str, Any] = {
        **parts,
        "grid": parts["regions"],
        "world": world,
        "lands": [
            {"id": land.id, "name": land.name, "d": land.d, "row": rows.get(land.id)} for land in world.countries
        ],
        "islands": [{"id": i.id, "x": i.x, "y": i.y, "row": rows[i.id]} for i in world.islands if i.id in rows],
        "bucket_starts": BUCKET_STARTS_G_PER_KWH,
        "band_marks": get_bands().percentages,
        "scope_words": "All teams" if sight.sum_team_ids is None else "Your teams",
        "empty_row": {},
    }
    return _page(request, "dashboard/overview.html", sight, now, "overview", context)


@require_safe
@seen_by("figures")
def regions(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Every region by intensity now."""
    now = datetime.now(UTC)
    parts = read_sections(sight, {"regions"}, now=now)
    return _page(request, "dashboard/regions.html", sight, now, "regions", {"grid": parts["regions"]})


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
    return _page(request, "dashboard/region.html", sight, now, "regions", context)


@require_safe
@seen_by("details")
def requests(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Decisions the viewer may see, newest first, a page at a time."""
    now = datetime.now(UTC)
    before = _parse_cursor(request.GET.get("before", ""))
    feed = list_feed(sight, limit=PAGE_LENGTH + 1, before=before)
    context = {
        "decisions": [decision_row(row) for row in feed[:PAGE_LENGTH]],
        "older": _cursor_of(feed[PAGE_LENGTH - 1]) if len(feed) > PAGE_LENGTH else "",
        "is_first": before is None,
    }
    return _page(request, "dashboard/requests.html", sight, now, "requests", context)


@require_safe
@seen_by("details")
def request_page(request: HttpRequest, request_id: UUID, *, sight: Sight) -> HttpResponse:
    """One request with its whole story. A foreign one is as unknown as one that never was."""
    now = datetime.now(UTC)
    try:
        detail = get_request_detail(request_id)
    except NotFound as error:
        raise Http404(error.detail) from error
    if not sight.sees_team(detail.team_id):
        raise Http404("There is no such request.")
    context = {"story": request_story(detail, capacity_sources=list_capacity_sources(detail.model_class))}
    return _page(request, "dashboard/request.html", sight, now, "requests", context)


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Where programs look that do not read the page: bookmarks, feed readers, the page of a JSON answer."""
    return redirect(static("icons/icon-32.png"))


class LogIn(LoginView):
    """The login of everybody, members and staff."""

    template_name = "registration/login.html"
    redirect_authenticated_user = True


def _page(
    request: HttpRequest, template: str, sight: Sight, now: datetime, nav: str, context: dict[str, Any]
) -> HttpResponse:
    response = render(request, template, {**context, "sight": sight, "now": now, "nav": nav})
    response["Cache-Control"] = "private, no-store"
    return response


def _cursor_of(row: DecisionRow) -> str:
    """Where a page of decisions ends, as text for an address."""
    return f"{row.made_at.isoformat()}~{row.decision_id}"


def _parse_cursor(text: str) -> tuple[datetime, int] | None:
    """What `_cursor_of` wrote, or None where there is nothing that it could have written."""
    moment, _, decision_id = text.partition("~")
    try:
        made_at, number = datetime.fromisoformat(moment), int(decision_id)
    except ValueError:
        return None
    # At the ends of the calendar an offset leads to a moment that is no date.
    is_plausible = made_at.tzinfo and 2000 <= made_at.year <= 2100 and 0 <= number < 2**63
    return (made_at, number) if is_plausible else None
