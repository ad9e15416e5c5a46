"""What every page is made with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.domain.sight import Sight


def page(
    request: HttpRequest, template: str, sight: Sight, now: datetime, nav: str, context: dict[str, Any]
) -> HttpResponse:
    """A page as its viewer may see it, which no cache keeps. `nav` is the entry of the bar it belongs to."""
    response = render(request, template, {**context, "sight": sight, "now": now, "nav": nav})
    response["Cache-Control"] = "private, no-store"
    return response
