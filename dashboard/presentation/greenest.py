"""The greenest windows in plain words, and their hours as a drawing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse

from climate.domain.ladder import HOUR, floor_hour
from climate.domain.places import RegionFacts
from climate.domain.providers import short_name
from climate.domain.signal import Signal
from climate.domain.windows import GreenWindow, Saving, Stretch
from climate.selectors import Greenest
from dashboard.domain import figures
from dashboard.domain.intensity import basis_family, basis_word, bucket_of

Row = dict[str, Any]

DRAWING_HEIGHT = 30


def window_rows(found: Greenest, *, now: datetime, job: float | None, unit: str) -> list[Row]:
    """The windows, greenest first, with the drawing of all hours they were chosen from."""
    return [
        _window_row(rank, each, found.regions[each.region], found.hours_of[each.region], now, job, unit)
        for rank, each in enumerate(found.windows, start=1)
    ]


def _window_row(
    rank: int,
    found: GreenWindow,
    region: RegionFacts,
    hours: Sequence[Signal],
    now: datetime,
    job: float | None,
    unit: str,
) -> Row:
    window = found.window
    is_now = window.starts_at <= now
    return {
        "rank": rank,
        **_where(found, region),
        "when": _when(window),
        "starts": "now" if is_now else f"in {int((window.starts_at - floor_hour(now)) / HOUR)} h",
        "starts_at": window.starts_at.isoformat(),
        "mean": figures.two_digits(window.mean_g_per_kwh),
        "bucket": bucket_of(window.mean_g_per_kwh),
        "range": range_words(window.low_g_per_kwh, window.high_g_per_kwh),
        "now": figures.two_digits(found.now.mean_g_per_kwh),
        "is_now": is_now,
        "saving": saving_row(found.saving, found.now, job, unit),
        "sure": "Nothing to wait for: now is the greenest." if is_now else sure_words(found.saving),
        "home": _home(found, job, unit),
        "bases": [{"word": basis_word(each), "family": basis_family(each)} for each in window.bases],
        "sources": "; ".join(map(short_name, window.sources)),
        "drawing": drawing(hours, window),
    }


def _where(found: GreenWindow, region: RegionFacts) -> Row:
    return {
        "region": found.region,
        "city": region.city or region.name,
        "url": reverse("region", args=[found.region]),
        "zone": found.zone,
        "zone_url": reverse("zone", args=[found.zone]),
    }


def _when(window: Stretch) -> str:
    ends_same_day = window.ends_at.date() == window.starts_at.date()
    end = f"{window.ends_at:%H:%M}" if ends_same_day else f"{window.ends_at:%a %H:%M}"
    return f"{window.starts_at:%a %d %b %H:%M} to {end}"


def range_words(low: float | None, high: float | None) -> str:
    """A range in g CO2e/kWh; unknown where an end is."""
    if low is None or high is None:
        return "range not known"
    return f"{figures.two_digits(low)} to {figures.two_digits(high)}"


def saving_row(saving: Saving, now: Stretch, job: float | None, unit: str) -> Row:
    """What is saved, in percent, g CO2e/kWh and, for a job of known size, as a mass."""
    is_known = saving.low_percent is not None and saving.high_percent is not None
    return {
        "percent": percent_words(saving.percent),
        "grams": f"{figures.two_digits(abs(saving.g_per_kwh))} g/kWh {'less' if saving.g_per_kwh >= 0 else 'more'}",
        "range": f"{percent_words(saving.low_percent)} to {percent_words(saving.high_percent)}" if is_known else "",
        "tone": _tone(saving),
        "mass": _mass_saved(saving, now, job, unit),
        "mass_words": "saved" if saving.g_per_kwh >= 0 else "saved: that is more emitted",
    }


def _tone(saving: Saving) -> str:
    """Green only where nothing speaks against a saving, red where it costs."""
    if round(saving.percent) < 0:
        return "bad"
    may_be_nothing = saving.low_percent is not None and saving.low_percent <= 0
    return "calm" if may_be_nothing or round(saving.percent) == 0 else "good"


def _mass_saved(saving: Saving, now: Stretch, job: float | None, unit: str) -> str:
    if not job:
        return ""
    energy_kwh = job if unit == "kwh" else job / now.mean_g_per_kwh
    grams = energy_kwh * saving.g_per_kwh
    words = figures.mass_text(abs(grams))
    if saving.low_g_per_kwh is None or saving.high_g_per_kwh is None:
        return f"{'−' if grams < 0 else ''}{words}"
    low, high = (_signed_mass(energy_kwh * each) for each in (saving.low_g_per_kwh, saving.high_g_per_kwh))
    return f"{'−' if grams < 0 else ''}{words} ({low} to {high})"


def _signed_mass(grams: float) -> str:
    return f"{'−' if grams < 0 else ''}{figures.mass_text(abs(grams))}"


def percent_words(percent: float | None) -> str:
    """Whole percent with a true minus."""
    if percent is None:
        return figures.UNKNOWN
    rounded = round(percent)
    return f"{'−' if rounded < 0 else ''}{abs(rounded)} %"


def sure_words(saving: Saving) -> str:
    """How sure a saving is, from its range."""
    if saving.low_percent is None or saving.high_percent is None:
        return "How sure is not known: an hour comes without a range."
    if saving.low_percent > 0:
        return "Likely: it saves even where both ends of the ranges go against it."
    if saving.percent > 0:
        return "Not sure: the ranges overlap, so it may also save nothing or cost more."
    return "It saves nothing."


def _home(found: GreenWindow, job: float | None, unit: str) -> Row | None:
    if found.home_now is None or found.home_saving is None:
        return None
    return {
        "region": found.home_region,
        "now": figures.two_digits(found.home_now.mean_g_per_kwh),
        **saving_row(found.home_saving, found.home_now, job, unit),
    }


def drawing(hours: Sequence[Signal], window: Stretch) -> Row:
    """The hours as columns, one path per colour, and where the window lies. Units: an hour wide, 30 high."""
    highest = max(each.intensity_g_per_kwh for each in hours)
    paths: dict[str, list[str]] = defaultdict(list)
    for index, each in enumerate(hours):
        top = DRAWING_HEIGHT * (1 - 0.9 * each.intensity_g_per_kwh / highest)
        paths[bucket_of(each.intensity_g_per_kwh)].append(
            f"M{index} {DRAWING_HEIGHT}V{top:.1f}H{index + 1}V{DRAWING_HEIGHT}Z"
        )
    start = int((window.starts_at - hours[0].starts_at) / HOUR)
    length = int((window.ends_at - window.starts_at) / HOUR)
    values = [each.intensity_g_per_kwh for each in hours]
    return {
        "width": len(hours),
        "paths": [{"bucket": bucket, "d": "".join(found)} for bucket, found in sorted(paths.items())],
        "start": start,
        "length": length,
        "words": f"{len(hours)} hours between {figures.two_digits(min(values))} and {figures.two_digits(highest)}"
        f" g CO₂e/kWh; the window is {_when(window)} UTC",
    }
