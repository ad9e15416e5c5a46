"""Alerts and the state of data sources as rows of plain words."""

from __future__ import annotations

from typing import Any

from climate.domain.sources import SourceState
from dashboard.selectors.overview import Alerts

Row = dict[str, Any]

_STATES = {
    "ok": ("answering", "good"),
    "failing": ("not answering", "bad"),
    "refused": ("refused us", "bad"),
    "never": ("not asked yet", "calm"),
}


def source_row(source: SourceState) -> Row:
    """One data source: whether it answers, since when, and what is wrong if not."""
    word, tone = _STATES.get(source.state, (source.state, "calm"))
    if not source.is_enabled:
        word, tone = "switched off", "calm"
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
    rows = [
        {
            "key": f"emergency-{each.id}",
            "tone": "bad",
            "kind": each.kind,
            "title": each.title,
            "note": f"{', '.join(each.country_codes)}: weight × {each.multiplier:g} for {_listed(each.purposes)}",
        }
        for each in alerts.emergencies
    ]
    rows += [
        {
            "key": f"budget-{each.id}",
            "tone": "warn" if each.status == "warn" else "bad",
            "kind": f"budget {each.status}",
            "title": each.name,
            "note": f"{each.used_percent:.0f} % of its limit is spent or held",
        }
        for each in alerts.strained_budgets
    ]
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


def _listed(purposes: tuple[str, ...]) -> str:
    return ", ".join(purpose.replace("_", " ") for purpose in purposes)
