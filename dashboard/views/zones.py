"""Grid zones, and the whole story of one."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from climate.domain.zones import choose_zones
from climate.selectors import list_zones
from config.kernel.errors import NotFound
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.zone import zone_row, zone_story
from dashboard.selectors.zone import get_zone_story
from dashboard.views.page import page

RANGES = {"24h": (24, "24 h"), "7d": (7 * 24, "7 d"), "31d": (31 * 24, "31 d")}
DEFAULT_RANGE = "24h"
LONGEST_SEARCH = 100
PAGE_LENGTH = 100


@require_safe
@seen_by("figures")
def zones(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """The zones of the grid with their intensity now, live ones first, a page at a time."""
    now = datetime.now(UTC)
    search = request.GET.get("search", "")[:LONGEST_SEARCH].strip()
    every = list_zones(now=now)
    found = choose_zones(every, search=search)
    found.sort(key=lambda zone: zone.live_source is None)
    shown = Paginator(found, PAGE_LENGTH).get_page(request.GET.get("page"))
    context = {
        "rows": [zone_row(zone) for zone in shown],
        "search": search,
        "total": len(every),
        "count": len(found),
        "live": sum(zone.live_source is not None for zone in found),
        "number": shown.number,
        "pages": shown.paginator.num_pages,
        "previous": _query(search, shown.number - 1) if shown.has_previous() else "",
        "next": _query(search, shown.number + 1) if shown.has_next() else "",
    }
    return page(request, "dashboard/zones.html", sight, now, "zones", context)


def _query(search: str, number: int) -> str:
    return urlencode({**({"search": search} if search else {}), "page": number})


@require_safe
@seen_by("figures")
def zone(request: HttpRequest, code: str, *, sight: Sight) -> HttpResponse:
    """One zone: what it was, what is expected, who says so and how right they were."""
    now = datetime.now(UTC)
    chosen = request.GET.get("range", DEFAULT_RANGE)
    chosen = chosen if chosen in RANGES else DEFAULT_RANGE
    try:
        story = get_zone_story(code, hours_back=RANGES[chosen][0], now=now)
    except NotFound as error:
        raise Http404(error.detail) from error
    context = {
        **zone_story(story, now=now),
        "range": chosen,
        "range_words": RANGES[chosen][1],
        "ranges": [(key, words) for key, (_, words) in RANGES.items()],
    }
    return page(request, "dashboard/zone.html", sight, now, "zones", context)
