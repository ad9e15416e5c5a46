"""Regions, countries and sources as rows of plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse

from climate.domain.places import RegionFacts
from climate.domain.providers import short_name
from climate.domain.signal import Signal
from dashboard.domain import figures
from dashboard.domain.intensity import bar_percent, basis_family, basis_word, bucket_of
from dashboard.presentation.world import get_world_map

Row = dict[str, Any]


def signal_words(signal: Signal | None) -> Row:
    """An intensity with its colour, basis, source and what its age counts from; en dashes where nothing is known."""
    if signal is None:
        return {
            "intensity": figures.UNKNOWN,
            "bucket": "bna",
            "bar": "0",
            "basis": "unknown",
            "basis_family": "unknown",
            "source": "",
            "as_of": "",
        }
    return {
        "intensity": figures.two_digits(signal.intensity_g_per_kwh),
        "bucket": bucket_of(signal.intensity_g_per_kwh),
        "bar": bar_percent(signal.intensity_g_per_kwh),
        "basis": basis_word(signal.basis),
        "basis_family": basis_family(signal.basis),
        "source": short_name(signal.source),
        "as_of": signal.dated_at.isoformat(),
    }


def region_row(region: RegionFacts, signal: Signal | None) -> Row:
    """One line of the ranking, which is also one dot on the map."""
    x, y = get_world_map().place(region.longitude, region.latitude)
    return {
        "key": region.code,
        "url": reverse("region", args=[region.code]),
        "city": region.city or region.name,
        "title": f"{region.code} · {region.city or region.name}",
        "provider": region.provider,
        "zone": region.zone,
        "pue": f"{region.pue:.2f}" if region.pue is not None else figures.UNKNOWN,
        "x": x,
        "y": y,
        **signal_words(signal),
    }


def ranked_regions(regions: Iterable[RegionFacts], signals: Mapping[str, Signal]) -> list[Row]:
    """Active regions by intensity now, cleanest first; those without a figure last."""
    pairs = [(region, signals.get(region.zone)) for region in regions if region.is_active]
    pairs.sort(key=lambda pair: (pair[1].intensity_g_per_kwh if pair[1] else float("inf"), pair[0].code))
    return [region_row(region, signal) for region, signal in pairs]


def country_row(iso_numeric: str, name: str, signal: Signal | None) -> Row:
    """The colour and the tooltip of a country; `key` joins it to the drawing."""
    return {"key": iso_numeric or name, "title": name, **signal_words(signal)}


def hour_row(hour: datetime, signal: Signal | None, *, now: datetime) -> Row:
    """One hour of a region's chart and of the table beside it."""
    return {
        "starts_at": hour.isoformat(),
        "clock": f"{hour:%a %H:%M}",
        "is_now": hour <= now and (now - hour).total_seconds() < 3600,
        "unix": int(hour.timestamp()),
        "value": round(signal.intensity_g_per_kwh, 1) if signal else None,
        "low": round(signal.low_g_per_kwh, 1) if signal and signal.low_g_per_kwh is not None else None,
        "high": round(signal.high_g_per_kwh, 1) if signal and signal.high_g_per_kwh is not None else None,
        "range": _range(signal),
        **signal_words(signal),
    }


def _range(signal: Signal | None) -> str:
    if signal is None or signal.low_g_per_kwh is None or signal.high_g_per_kwh is None:
        return figures.UNKNOWN
    return f"{figures.two_digits(signal.low_g_per_kwh)} to {figures.two_digits(signal.high_g_per_kwh)}"
