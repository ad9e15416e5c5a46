"""When a budget runs out, and what more work would do to it, in plain words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from budgets.domain.advice import Advice
from budgets.domain.exhaustion import ExhaustionForecast, Outlook
from dashboard.domain import figures
from dashboard.domain.figures import moment
from dashboard.presentation.budgets import UNIT_WORDS, amount, percent_words

Row = dict[str, Any]

_TITLES = {
    Outlook.EXHAUSTED: ("Nothing is left", "bad"),
    Outlook.RUNS_OUT: ("Runs out", "bad"),
    Outlook.MAY_RUN_OUT: ("May run out", "warn"),
    Outlook.RESETS_FIRST: ("Resets before it runs out", "good"),
    Outlook.LASTS: ("Lasts", "good"),
    Outlook.UNKNOWN: ("Unknown", "calm"),
}


def forecast_row(forecast: ExhaustionForecast, *, now: datetime) -> Row:
    """When it runs out, the 80 % band around that, the burn behind it and what all this rests on."""
    title, tone = _TITLES[forecast.outlook]
    burn = forecast.burn_per_hour
    low, high = forecast.burn_low_per_hour, forecast.burn_high_per_hour
    unit = forecast.unit
    return {
        "title": title,
        "tone": tone,
        "when": figures.ago(forecast.central_at, now=now) if forecast.central_at and title == "Runs out" else "",
        "when_iso": forecast.central_at.isoformat() if forecast.central_at else "",
        "words": _words(forecast),
        "burn": "unknown" if burn is None else f"{amount(burn, unit)} an hour",
        "burn_range": f"{amount(low, unit)} to {amount(high, unit)}" if low is not None and high is not None else "",
        "as_of": forecast.as_of.isoformat(),
        "basis": forecast.basis,
    }


def _words(forecast: ExhaustionForecast) -> str:
    earliest = moment(forecast.earliest_at) if forecast.earliest_at else ""
    if forecast.resets_at:
        reset = f"It resets at {moment(forecast.resets_at)}."
    else:
        reset = "Spending leaves its window again." if forecast.ends_by_itself else "It does not reset by itself."
    until = moment(forecast.until)
    if forecast.outlook is Outlook.EXHAUSTED:
        return reset
    if forecast.outlook is Outlook.RUNS_OUT and forecast.central_at:
        latest = moment(forecast.latest_at) if forecast.latest_at else f"not before {until}"
        return f"At {moment(forecast.central_at)}; 80 % band from {earliest} to {latest}. {reset}"
    if forecast.outlook is Outlook.MAY_RUN_OUT:
        return f"At the upper edge of the 80 % band at {earliest}; at the mean pace not before {until}. {reset}"
    if forecast.outlook is Outlook.RESETS_FIRST:
        return f"Even at the upper edge of the 80 % band it does not run out before it resets at {until}."
    if forecast.outlook is Outlook.LASTS:
        return f"It does not run out before {until}, which is as far as the forecast looks."
    return f"Too little was spent to say when it runs out. {reset}"


def advice_row(advice: Advice) -> Row:
    """What work of so many tokens would bring each budget of a path to."""
    return {
        "asked": f"{advice.estimate_tokens:,} tokens, with a margin of {advice.margin_tokens:,}",
        "verdict": "Think twice" if advice.should_warn else "Go ahead",
        "tone": "warn" if advice.should_warn else "good",
        "words": advice.words,
        "as_of": moment(advice.as_of),
        "lines": [
            {
                "name": line.name,
                "level": line.level,
                "unit": UNIT_WORDS[line.unit],
                "now": percent_words(line.used_percent),
                "then": percent_words(line.would_use_percent) if line.would_use_percent is not None else "unknown",
                "words": line.words,
                "tone": "bad" if line.fits is False else "warn" if line.should_warn else "calm",
            }
            for line in advice.lines
        ],
    }
