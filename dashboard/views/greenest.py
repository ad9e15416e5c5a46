"""When and where to run a job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from climate.selectors import get_greenest, list_regions
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.forms import GreenestForm
from dashboard.presentation.greenest import window_rows
from dashboard.views.page import page

SHOWN_AT_FIRST = 12
_DEFAULTS = {"hours": 48, "duration": 4, "unit": "kwh"}


@require_safe
@seen_by("figures")
def greenest(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """The greenest window of each region, and what it saves."""
    now = datetime.now(UTC)
    regions = list_regions()
    asked = {**{name: str(value) for name, value in _DEFAULTS.items()}, **_given(request)}
    form = GreenestForm(asked, regions=regions)
    rows = _rows(form.cleaned_data, now) if form.is_valid() and regions else []
    context = {
        "form": form,
        "rows": rows[:SHOWN_AT_FIRST],
        "others": rows[SHOWN_AT_FIRST:],
        "count": len(rows),
        "asked": form.cleaned_data,
    }
    return page(request, "dashboard/greenest.html", sight, now, "greenest", context)


def _given(request: HttpRequest) -> dict[str, Any]:
    """What the address says, several regions as a list."""
    given: dict[str, Any] = {name: value for name, value in request.GET.items() if value}
    if "regions" in request.GET:
        given["regions"] = request.GET.getlist("regions")
    return given


def _rows(asked: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
    found = get_greenest(
        hours=asked["hours"],
        duration_hours=asked["duration"],
        now=now,
        region_codes=asked["regions"] or None,
        home=asked["home"] or None,
    )
    return window_rows(found, now=now, job=asked["job"], unit=asked["unit"])
