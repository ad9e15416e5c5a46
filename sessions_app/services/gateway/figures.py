"""Grids of the regions that deployments are in, and how far countries are from them: read every few seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from climate import selectors as climate
from climate.domain.energy import energy_wh
from climate.domain.ladder import floor_hour
from climate.domain.model_classes import MODEL_CLASSES
from climate.domain.places import RegionFacts
from climate.domain.signal import Signal
from market.selectors import get_policy_in_force
from sessions_app.domain.gateway.deployments import Reach, RegionFigures

FRESH = timedelta(seconds=5)
"""How long what was read counts; the turn of the hour counts at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What changes slowly. Grids are those of `hour`; they are read anew when it turns. Of the regions that were
    `asked` for, `regions` holds those that are in use."""

    loaded_at: datetime
    hour: datetime
    asked: frozenset[str]
    regions: Mapping[str, RegionFigures]
    reach: Reach
    latency_km: Mapping[str, float | None]


def figures(kept: Figures | None, codes: frozenset[str], *, now: datetime) -> Figures:
    """What there was of these regions while it is fresh, or read anew. About ten queries."""
    hour = floor_hour(now)
    is_of_now = kept is not None and kept.hour == hour and timedelta(0) <= now - kept.loaded_at < FRESH
    if kept is not None and is_of_now and codes <= kept.asked:
        return kept
    terms = get_policy_in_force().terms
    regions = [each for each in climate.list_regions() if each.code in codes]
    signals = climate.list_signals(
        zone_codes={each.zone for each in regions}, hours=[hour], now=now, maximum_age_minutes=terms.maximum_age_minutes
    )
    countries = climate.list_countries()
    return Figures(
        loaded_at=now,
        hour=hour,
        asked=codes,
        regions={each.code: _figures_of(each, signals[each.zone, hour], terms.default_pue) for each in regions},
        reach=Reach(
            places={
                each.code: (each.latitude, each.longitude)
                for each in countries
                if each.latitude is not None and each.longitude is not None
            },
            entered_km=climate.list_entered_reach_km([each.code for each in countries]),
        ),
        latency_km=terms.latency_km,
    )


def _figures_of(region: RegionFacts, signal: Signal, default_pue: float) -> RegionFigures:
    pue = default_pue if region.pue is None else region.pue
    per_kwh = signal.intensity_g_per_kwh / 1000

    def grams(input_tokens: int, output_tokens: int) -> dict[str, float]:
        return {
            name: energy_wh(name, input_tokens=input_tokens, output_tokens=output_tokens, pue=pue).central * per_kwh
            for name in MODEL_CLASSES
        }

    return RegionFigures(
        code=region.code,
        name=region.name,
        city=region.city or region.name,
        zone=region.zone,
        country=region.country_code,
        latitude=region.latitude,
        longitude=region.longitude,
        pue=pue,
        pue_is_assumed=region.pue is None,
        intensity_g_per_kwh=signal.intensity_g_per_kwh,
        low_g_per_kwh=signal.low_g_per_kwh,
        high_g_per_kwh=signal.high_g_per_kwh,
        renewable_share=signal.renewable_share,
        basis=signal.basis,
        source=signal.source,
        as_of=signal.as_of,
        grams_per_1k_output=grams(0, 1000),
        grams_per_1k_input=grams(1000, 0),
    )
