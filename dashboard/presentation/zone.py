"""Grid zones in plain words: in the list, and with the whole story of one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse

from climate.domain.providers import PROVIDERS, short_name
from climate.domain.scores import ForecastScoreFacts
from climate.domain.signal import OWN_FORECAST_SOURCE, Signal
from climate.domain.sources import SourceState
from climate.domain.zones import HourMean, ZoneFacts, ZoneSource
from dashboard.domain import figures
from dashboard.domain.figures import moment
from dashboard.presentation.notices import state_words
from dashboard.presentation.places import hour_row, signal_words
from dashboard.presentation.region import signal_notes
from dashboard.selectors.zone import ZoneStory

Row = dict[str, Any]

LEADS = ("1", "2-24", "25-48", "49-96")
LEAD_WORDS = {"1": "1 hour", "2-24": "2 to 24 hours", "25-48": "25 to 48 hours", "49-96": "49 to 96 hours"}
OWN_NAME = "Commonwatt’s own forecast"


def zone_row(zone: ZoneFacts) -> Row:
    """One line of the list of zones."""
    return {
        "code": zone.code,
        "name": zone.name,
        "country": zone.country_name,
        "url": reverse("zone", args=[zone.code]),
        **signal_words(zone.signal),
        "source": short_source(zone.signal),
    }


def short_source(signal: Signal) -> str:
    """The source for the list of zones: what its badge of the basis and the words above the list say is left out."""
    return short_name(signal.source).removeprefix("modelled from ").partition(" and the mix of ")[0]


def zone_story(story: ZoneStory, *, now: datetime) -> Row:
    """Everything the page of a zone shows."""
    return {
        "zone": zone_row(story.zone),
        "signal": signal_words(story.zone.signal),
        "notes": signal_notes(story.zone.signal),
        "hours": [_hour(hour_row(signal.starts_at, signal, now=now), signal.starts_at) for signal in story.hours],
        "marginal": [marginal_row(each, now=now) for each in story.marginal],
        "marginal_words": _series_words(story.marginal),
        "sources": [source_line(each, story.states, now=now) for each in story.sources],
        "scores": [
            score_row(each) for each in sorted(story.scores, key=lambda one: (one.kind, one.source, _lead_order(one)))
        ],
        "regions": [
            {"code": region.code, "city": region.city or region.name, "url": reverse("region", args=[region.code])}
            for region in story.regions
        ],
    }


def _hour(row: Row, at: datetime) -> Row:
    return {**row, "clock": f"{at:%a %d %b %H:%M}"}


def marginal_row(mean: HourMean, *, now: datetime) -> Row:
    """One hour of the marginal chart and of the table below it."""
    return {
        "starts_at": mean.starts_at.isoformat(),
        "clock": f"{mean.starts_at:%a %d %b %H:%M}",
        "unix": int(mean.starts_at.timestamp()),
        "is_now": mean.starts_at <= now and (now - mean.starts_at).total_seconds() < 3600,
        "value": round(mean.intensity_g_per_kwh, 1),
        "intensity": figures.two_digits(mean.intensity_g_per_kwh),
        "source": short_name(mean.source),
    }


def _series_words(means: list[HourMean]) -> str:
    return f"Marginal, {means[0].scope} emissions, as {short_name(means[0].source)} reports them" if means else ""


def source_line(said: ZoneSource, states: dict[str, SourceState], *, now: datetime) -> Row:
    """One source of a zone: what it brings, how new that is, and how the source does."""
    state = states.get(said.source)
    no_source = ("ours" if said.source == OWN_FORECAST_SOURCE else "imported", "calm")
    word, tone = state_words(state, now=now) if state else no_source
    return {
        "name": source_title(said.source),
        "what": f"{said.kind}, {said.scope}",
        "newest": said.newest_reading_at.isoformat() if said.newest_reading_at else "",
        "expects": f"to {moment(said.newest_expected_at)}" if said.newest_expected_at else figures.UNKNOWN,
        "state": word,
        "tone": tone,
    }


def score_row(score: ForecastScoreFacts) -> Row:
    """How wrong a source's forecasts were at one lead."""
    coverage = score.coverage_percent
    return {
        "source": source_title(score.source),
        "what": f"{score.kind}, {score.scope}",
        "lead": LEAD_WORDS.get(score.lead, score.lead),
        "mape": f"{figures.two_digits(score.mape_percent)} %",
        "mae": figures.two_digits(score.mae_g_per_kwh),
        "coverage": f"{coverage:.0f} %" if coverage is not None else "no band",
        "hours": figures.whole(score.hours),
    }


def source_title(name: str) -> str:
    """What a source is called; an imported one by the name it was given."""
    if name == OWN_FORECAST_SOURCE:
        return OWN_NAME
    return PROVIDERS[name].title if name in PROVIDERS else name


def _lead_order(score: ForecastScoreFacts) -> int:
    return LEADS.index(score.lead) if score.lead in LEADS else len(LEADS)
