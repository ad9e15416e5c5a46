"""The parts of the overview, each readable on its own, by page and socket alike."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from budgets.selectors import list_escrowed
from climate.domain.outage import find_outage
from climate.domain.signal import Basis
from dashboard.domain.sight import Sight
from dashboard.presentation.alerts import alert_digest
from dashboard.presentation.budgets import budget_rows, picture_rows
from dashboard.presentation.notices import alert_rows, notice_words, source_row
from dashboard.presentation.places import country_row, ranked_regions
from dashboard.presentation.rows import decision_row, headline_row
from dashboard.selectors import overview
from dashboard.selectors.alerts import get_alert_board
from dashboard.selectors.budgets import get_budget_board
from market.selectors.trading.mark import get_market_mark
from sessions_app.selectors.board import get_sessions_mark
from sessions_app.selectors.gateway.board import get_gateway_mark

logger = logging.getLogger(__name__)

FEED_LENGTH = 30
Part = TypeVar("Part")


def _headline(sight: Sight, now: datetime) -> dict[str, Any]:
    return headline_row(overview.get_sums(sight, now=now))


def _regions(sight: Sight, now: datetime) -> dict[str, Any]:
    grid = overview.get_grid(now=now)
    return {
        "hour": grid.hour.isoformat(),
        "regions": ranked_regions(grid.regions, grid.signals),
        "countries": [country_row(c.iso_numeric, c.name, c.signal) for c in grid.countries],
    }


def _notice(sight: Sight, now: datetime) -> str:
    """What a reader must know of all figures; empty while sources answer and some of the map is live."""
    outage = find_outage(overview.list_source_states(now=now), now=now)
    bases = overview.list_bases(now=now, everywhere=False)
    if outage is not None or not bases & {Basis.LIVE, Basis.FORECAST}:
        bases = overview.list_bases(now=now, everywhere=True)  # dearer, and seldom needed
    return notice_words(outage, bases, now=now)


def _alert_feed(sight: Sight, now: datetime) -> dict[str, Any]:
    return alert_digest(get_alert_board(now=now), now=now)


def _sources(sight: Sight, now: datetime) -> list[dict[str, Any]]:
    # What was never set up here is on the page of sources only.
    shown = [each for each in overview.list_source_states(now=now) if each.is_asked or each.last_success_at]
    return [source_row(source, now=now) for source in shown]


def _alerts(sight: Sight, now: datetime) -> list[dict[str, Any]]:
    return alert_rows(overview.get_alerts(sight, now=now))


def _decisions(sight: Sight, now: datetime) -> list[dict[str, Any]]:
    return [decision_row(row) for row in overview.list_feed(sight, limit=FEED_LENGTH)]


def _plan(sight: Sight, now: datetime) -> dict[str, Any]:
    """Which plan is in force: an open page fetches the rest when it is another one."""
    return overview.get_plan_mark()


def _market(sight: Sight, now: datetime) -> dict[str, Any]:
    """What the market has come to: an open page fetches the rest when it is something else."""
    return get_market_mark(sight.sealed_team_ids)


def _sessions(sight: Sight, now: datetime) -> dict[str, int]:
    """How far the sessions have come that were heard of last: an open page fetches the rest when its own moves."""
    return get_sessions_mark(team_ids=sight.sealed_team_ids)


def _gateway(sight: Sight, now: datetime) -> dict[str, str]:
    """When a call last began or ended, or a breaker moved: an open page fetches the rest then."""
    return get_gateway_mark(team_ids=sight.sealed_team_ids)


def _budgets(sight: Sight, now: datetime) -> list[dict[str, Any]]:
    budgets = overview.list_seen_budgets(sight)
    return budget_rows(budgets, list_escrowed([budget.id for budget in budgets]))


def _budget_picture(sight: Sight, now: datetime) -> list[dict[str, Any]]:
    return picture_rows(get_budget_board(sight, now=now))


_FIGURES: dict[str, Callable[[Sight, datetime], Any]] = {
    "headline": _headline,
    "regions": _regions,
    "sources": _sources,
    "alerts": _alerts,
    "notice": _notice,
    "alert_feed": _alert_feed,
}
_DETAILS: dict[str, Callable[[Sight, datetime], Any]] = {
    "decisions": _decisions,
    "budgets": _budgets,
    "plan": _plan,
}
_OF_BUDGETS: dict[str, Callable[[Sight, datetime], Any]] = {"budgets": _budgets, "budget_picture": _budget_picture}
_OF_MARKET: dict[str, Callable[[Sight, datetime], Any]] = {"market": _market}
_OF_SESSIONS: dict[str, Callable[[Sight, datetime], Any]] = {"sessions": _sessions}
_OF_GATEWAY: dict[str, Callable[[Sight, datetime], Any]] = {"gateway": _gateway}
_READERS = {**_FIGURES, **_DETAILS, **_OF_BUDGETS, **_OF_MARKET, **_OF_SESSIONS, **_OF_GATEWAY}

PAGE_OF_BUDGETS = "budgets"
"""How a page of budgets names itself to the socket: it is told of budgets only."""
PAGE_OF_MARKET = "market"
"""The same for pages of the market."""
PAGE_OF_SESSIONS = "sessions"
"""The same for pages of sessions."""
PAGE_OF_GATEWAY = "gateway"
"""The same for pages of the gateway."""
_OF_PAGE = {
    PAGE_OF_BUDGETS: _OF_BUDGETS,
    PAGE_OF_MARKET: _OF_MARKET,
    PAGE_OF_SESSIONS: _OF_SESSIONS,
    PAGE_OF_GATEWAY: _OF_GATEWAY,
}

EVENT_OF_SECTION = {
    "headline": "headline",
    "regions": "readings.collected",
    "sources": "sources.changed",
    "alerts": "emergency.changed",
    "notice": "notice.changed",
    "alert_feed": "alerts.changed",
    "decisions": "request.decided",
    "plan": "plan.changed",
    "budgets": "budgets.changed",
    "budget_picture": "budget_picture.changed",
    "market": "market.changed",
    "sessions": "sessions.changed",
    "gateway": "gateway.changed",
}
SECTIONS_OF_THE_HOUR = ("regions", "budgets", "budget_picture")
"""What changes by itself when an hour turns."""
SECTIONS_OF_THE_CLOCK = ("notice", "sources", "alerts", "alert_feed")
"""What changes by itself within minutes: an answer that is overdue, an emergency that begins or ends."""


def allowed_sections(sight: Sight, page: str = "") -> tuple[str, ...]:
    """The sections this viewer may see: of the overview and the pages like it, or of one kind of page only."""
    if not sight.figures:
        return ()
    if page in _OF_PAGE:
        return tuple(_OF_PAGE[page]) if sight.details else ()
    return (*_FIGURES, *_DETAILS) if sight.details else tuple(_FIGURES)


def read_sections(sight: Sight, names: Iterable[str], *, now: datetime) -> dict[str, Any]:
    """The sections by name; one that cannot be read is None, logged, and does not hurt the others."""
    allowed = {name for page in ("", *_OF_PAGE) for name in allowed_sections(sight, page)}
    return {name: read_part(name, partial(_READERS[name], sight, now)) for name in names if name in allowed}


def read_part(name: str, read: Callable[[], Part]) -> Part | None:
    """What `read` gives; None, and a line in the log, where it cannot be read."""
    try:
        return read()
    except Exception:
        logger.exception("a section of the dashboard could not be read", extra={"section": name})
        return None
