"""Filters for figures that age while a page is open."""

from __future__ import annotations

from datetime import datetime

from django import template

from dashboard.domain import figures

register = template.Library()


@register.filter
def ago(iso_time: str, now: datetime) -> str:
    """How long before `now` an ISO 8601 time lies; "never" where there is none."""
    return figures.ago(datetime.fromisoformat(iso_time) if iso_time else None, now=now)
