"""The parts of the overview, each readable on its own, by page and socket alike."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from dashboard.domain.sight import Sight
from dashboard.presentation.notices import alert_rows, source_row
from dashboard.presentation.places import any_live, country_row, ranked_regions
from dashboard.presentation.rows import budget_rows, decision_row, headline_row
from dashboard.selectors import overview

logger = logging.getLogger(__name__)

FEED_LENGTH = 30


def _headline(sight: Sight, now: datetime) -> dict[str, Any]:
    return headline_row(overview.get_sums(sight, now=now))


def _regions(sight: Sight, now: datetime) -> dict[str, Any]:
    grid = overview.get_grid(now=now)
    return {
        "notice": _notice(grid, now),
        "hour": grid.hour.isoformat(),
        "regions": ranked_regions(grid.regions, grid.signals),
        "countries": [country_row(c.iso_numeric, c.name, c.signal) for c in grid.countries],
    }


def _notice(grid: overview.Grid, now: datetime) -> str:
    """What a reader must know of the whole map; empty where some of it is live."""
    if any_live(grid.signals.values()) or any_live(each.signal for each in grid.countries if each.signal):
        return ""
    has_answered = any(source.last_success_at for source in overview.list_source_states(now=now))
    begin = "No source has a live figure for this hour" if has_answered else "No live source has answered yet"
    return f"{begin}: all intensities are modelled or yearly values, and are labelled so."


def _sources(sight: Sight, now: datetime) -> list[dict[str, Any]]:
    return [source_row(source) for source in overview.list_source_states(now=now)]


def _alerts(sight: Sight, now: datetime) -> list[dict[str, Any]]:
    return alert_rows(overview.get_alerts(sight, now=now))


def _decisions(sight: Sight, now: datetime) -> list[dict[str, Any]]:
    return [decision_row(row) for row in overview.list_feed(sight, limit=FEED_LENGTH)]


def _budgets(sight: Sight, now: datetime) -> list[dict[str, Any]]:
    return budget_rows(overview.list_seen_budgets(sight))


_FIGURES: dict[str, Callable[[Sight, datetime], Any]] = {
    "headline": _headline,
    "regions": _regions,
    "sources": _sources,
    "alerts": _alerts,
}
_DETAILS: dict[str, Callable[[Sight, datetime], Any]] = {"decisions": _decisions, "budgets": _budgets}

EVENT_OF_SECTION = {
    "headline": "headline",
    "regions": "readings.collected",
    "sources": "sources.changed",
    "alerts": "emergency.changed",
    "decisions": "request.decided",
    "budgets": "budgets.changed",
}
SECTIONS_OF_THE_HOUR = ("regions", "sources", "alerts", "budgets")
"""What changes by itself when an hour turns."""


def allowed_sections(sight: Sight) -> tuple[str, ...]:
    """The sections this viewer may see."""
    if not sight.figures:
        return ()
    return (*_FIGURES, *_DETAILS) if sight.details else tuple(_FIGURES)


def read_sections(sight: Sight, names: Iterable[str], *, now: datetime) -> dict[str, Any]:
    """The sections by name; one that cannot be read is None, logged, and does not hurt the others."""
    wanted = set(names)
    return {name: _read(name, sight, now) for name in allowed_sections(sight) if name in wanted}


def _read(name: str, sight: Sight, now: datetime) -> Any:
    reader = _FIGURES.get(name) or _DETAILS[name]
    try:
        return reader(sight, now)
    except Exception:
        logger.exception("a section of the dashboard could not be read", extra={"section": name})
        return None
