"""Alerts, the state of data sources and what a reader must know of all figures, in plain words."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from climate.domain.outage import Outage, is_down
from climate.domain.places import EmergencyFacts
from climate.domain.signal import Basis
from climate.domain.sources import SourceState
from dashboard.presentation.told import told_rows
from dashboard.selectors.overview import Alerts

Row = dict[str, Any]

_STATES = {
    "ok": ("answering", "good"),
    "failing": ("not answering", "bad"),
    "refused": ("refused us", "bad"),
    "never": ("not asked yet", "calm"),
    "unconfigured": ("needs a key", "calm"),
}
_FIGURES_OF: tuple[tuple[frozenset[Basis], str], ...] = (
    (frozenset({Basis.LIVE}), "the last live readings"),
    (frozenset({Basis.FORECAST}), "providers’ last forecasts"),
    (frozenset({Basis.OWN_FORECAST}), "own forecasts"),
    (frozenset({Basis.MODELLED}), "modelled"),
    (frozenset({Basis.YEARLY_ZONE, Basis.YEARLY_COUNTRY}), "yearly"),
    (frozenset({Basis.WORLD}), "world mean"),
)
_VALUES = ("modelled", "yearly", "world mean")


def notice_words(outage: Outage | None, bases: Collection[Basis], *, now: datetime) -> str:
    """What a reader must know of all figures: since when no source answers, and what is shown instead."""
    is_new = outage is None or outage.since is None
    if is_new and (Basis.LIVE in bases or Basis.FORECAST in bases):
        return ""  # readings also come by import
    if outage is None:
        begin = "No source has a live figure for this hour"
    elif outage.sources == 0:
        begin = "No live source is switched on"
    elif outage.since is None:
        begin = "No live source has answered yet"
    else:
        begin = f"All live sources have failed since {_clock(outage.since, now)}"
    return f"{begin}; figures are {_rungs(bases)}, and are labelled so."


def _clock(at: datetime, now: datetime) -> str:
    """A time of today, else with its day."""
    return f"{at:%H:%M} UTC" if at.date() == now.date() else f"{at:%d %b %H:%M} UTC"


def _rungs(bases: Collection[Basis]) -> str:
    """The rungs in use, best first, as one phrase: "own forecasts, modelled and yearly values"."""
    words = [word for rungs, word in _FIGURES_OF if rungs & set(bases)]
    if not words:
        return "unknown"
    if words[-1] in _VALUES:
        words[-1] += " values"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def state_words(source: SourceState, *, now: datetime) -> tuple[str, str]:
    """The word of a source's state and the tone of its pill."""
    if not source.is_enabled:
        return "paused", "calm"
    if source.state == "ok" and is_down(source, now=now):
        return "overdue", "warn"
    return _STATES.get(source.state, (source.state, "calm"))


def source_row(source: SourceState, *, now: datetime) -> Row:
    """One data source: whether it answers, since when, and what is wrong if not."""
    word, tone = state_words(source, now=now)
    return {
        "key": source.name,
        "title": source.title,
        "state": word,
        "tone": tone,
        "last_success_at": source.last_success_at.isoformat() if source.last_success_at else "",
        "period": f", newest period {source.latest_period_at:%d %b %H:%M} UTC" if source.latest_period_at else "",
        "problem": source.last_error if source.state in ("failing", "refused") else "",
    }


def alert_rows(alerts: Alerts) -> list[Row]:
    """Everything to attend to, the gravest kind first."""
    rows = [_emergency_row(each, "bad", each.kind) for each in alerts.emergencies]
    rows += [_emergency_row(each, "warn", f"{each.kind}, proposed") for each in alerts.proposed]
    rows += told_rows(alerts.strained_budgets, alerts.budget_alerts)
    rows += [
        {
            "key": f"source-{each.name}",
            "tone": "warn",
            "kind": "source failing",
            "title": each.title,
            "note": each.last_error,
        }
        for each in alerts.failing_sources
    ]
    return rows


def _emergency_row(emergency: EmergencyFacts, tone: str, kind: str) -> Row:
    lift = f"weight × {emergency.multiplier:g} for {listed(emergency.purposes)}"
    is_proposed = emergency.state == "proposed"
    return {
        "key": f"emergency-{emergency.id}",
        "tone": tone,
        "kind": kind,
        "title": emergency.title,
        "note": f"{', '.join(emergency.country_codes)}: {'would give ' if is_proposed else ''}{lift}"
        f"{'; waits for an operator' if is_proposed else ''}",
    }


def listed(purposes: tuple[str, ...]) -> str:
    """Purposes as a person reads them."""
    return ", ".join(purpose.replace("_", " ") for purpose in purposes)
