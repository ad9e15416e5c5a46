"""The greenest windows of regions, from the ladder's hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from climate.domain.ladder import HOUR, floor_hour
from climate.domain.places import RegionFacts
from climate.domain.signal import Signal
from climate.domain.windows import GreenWindow, Stretch, best_starts, greenest_start, saving_of, stretch_of
from climate.selectors.places import list_regions
from climate.selectors.signals import list_signals
from config.kernel.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Greenest:
    """Windows, greenest first, and every hour they were chosen from, by region."""

    windows: list[GreenWindow]
    hours_of: dict[str, list[Signal]]
    regions: dict[str, RegionFacts]


def get_greenest(
    *,
    hours: int,
    duration_hours: int,
    now: datetime,
    region_codes: Sequence[str] | None = None,
    home: str | None = None,
    top: int | None = None,
) -> Greenest:
    """The greenest window of each region within the coming `hours`, this one included; greenest first.

    With `top`, the best so many windows over all regions instead: a region may then come several
    times, never twice in one hour. `home` names the region to compare with besides. Five queries.
    Raises InvalidInput for a region that is not active.
    """
    active = {region.code: region for region in list_regions()}
    wanted = _chosen(active, region_codes)
    compared = [*wanted, *([home] if home is not None else [])]
    _refuse_unknown(active, [home] if home is not None else [], field="home")
    beginnings = [floor_hour(now) + index * HOUR for index in range(hours)]
    zones = sorted({active[code].zone for code in compared})
    signals = list_signals(zone_codes=zones, hours=beginnings, now=now)
    hours_of = {code: [signals[active[code].zone, hour] for hour in beginnings] for code in compared}
    home_now = stretch_of(hours_of[home][:duration_hours]) if home is not None else None
    windows = [
        _window(active[code], hours_of[code], start, duration_hours, home, home_now)
        for code, start in _starts({code: hours_of[code] for code in wanted}, duration_hours, top)
    ]
    windows.sort(key=lambda each: (each.window.mean_g_per_kwh, each.window.starts_at, each.region))
    return Greenest(windows=windows, hours_of=hours_of, regions={code: active[code] for code in compared})


def _chosen(active: dict[str, RegionFacts], codes: Sequence[str] | None) -> list[str]:
    if codes is None:
        return list(active)
    _refuse_unknown(active, codes, field="regions")
    return [code for code in active if code in codes]


def _refuse_unknown(active: dict[str, RegionFacts], codes: Sequence[str], *, field: str) -> None:
    if unknown := sorted(set(codes) - active.keys()):
        raise InvalidInput(f"No active region is called {', '.join(unknown)}.", field=field)


def _starts(hours_of: dict[str, list[Signal]], duration_hours: int, top: int | None) -> list[tuple[str, int]]:
    intensities = {code: [each.intensity_g_per_kwh for each in signals] for code, signals in hours_of.items()}
    if top is not None:
        return best_starts(intensities, duration_hours, top)
    return [(code, greenest_start(values, duration_hours)) for code, values in intensities.items()]


def _window(
    region: RegionFacts,
    signals: list[Signal],
    start: int,
    duration_hours: int,
    home: str | None,
    home_now: Stretch | None,
) -> GreenWindow:
    window, at_once = stretch_of(signals[start : start + duration_hours]), stretch_of(signals[:duration_hours])
    return GreenWindow(
        region=region.code,
        zone=region.zone,
        window=window,
        now=at_once,
        saving=saving_of(window, against=at_once),
        home_region=home,
        home_now=home_now,
        home_saving=saving_of(window, against=home_now) if home_now else None,
    )
