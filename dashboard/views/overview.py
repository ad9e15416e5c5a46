"""The overview."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from budgets.selectors import get_bands
from dashboard.domain.intensity import BUCKET_STARTS_G_PER_KWH
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.world import get_world_map
from dashboard.sections import allowed_sections, read_sections
from dashboard.views.page import page


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
    return page(request, "dashboard/overview.html", sight, now, "overview", context)
