"""The cells of a plan as rows: what each region, hour and model class was promised, kept for, and planned with."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from market.domain.placement.plan import PlanInputs
from market.domain.plan_views import GridCell

NG_PER_TOKEN_TO_G_PER_1K = 1e-6


def list_cells(
    inputs: PlanInputs,
    *,
    region: str | None = None,
    model_class: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    has_prices: bool = True,
) -> tuple[GridCell, ...]:
    """The cells that the filter leaves in, by region, model class and hour."""
    found = [
        cell_at(inputs, site, hour, has_prices=has_prices)
        for site in _sites(inputs, region, model_class)
        for hour in range(inputs.hour_count)
        if _is_within(inputs.hour_at(hour), since, until)
    ]
    return tuple(sorted(found, key=lambda each: (each.region, each.model_class, each.starts_at)))


def cell_at(inputs: PlanInputs, site: int, hour: int, *, has_prices: bool = True) -> GridCell:
    """One cell; `site` and `hour` are indices into the inputs."""
    place, zone = inputs.sites[site], inputs.zones.index(inputs.sites[site].zone)
    arrays = inputs.arrays
    tokens = {
        name: int(arrays[name][site, hour])
        for name in ("capacity_tokens", "promised_tokens", "kept_tokens", "planned_tokens")
    }
    price = float(arrays["hour_price_ng_per_token"][site, hour]) if has_prices else math.nan
    return GridCell(
        region=place.region,
        city=place.city,
        zone=place.zone,
        model_class=place.model_class,
        starts_at=inputs.hour_at(hour),
        free_tokens=free_tokens(inputs, site, hour),
        intensity_g_per_kwh=_known(arrays["intensity_g_per_kwh"][zone, hour]),
        low_g_per_kwh=_known(arrays["low_g_per_kwh"][zone, hour]),
        high_g_per_kwh=_known(arrays["high_g_per_kwh"][zone, hour]),
        basis=inputs.bases[int(arrays["basis"][zone, hour])],
        source=inputs.sources[int(arrays["source"][zone, hour])],
        as_of=_moment(arrays["as_of_s"][zone, hour]),
        hour_price_g_per_1k_tokens=_known(price * NG_PER_TOKEN_TO_G_PER_1K),
        **tokens,
    )


def free_tokens(inputs: PlanInputs, site: int, hour: int) -> int:
    """Room that the plan left in a cell."""
    return max(0, room_tokens(inputs, site, hour) - int(inputs.arrays["planned_tokens"][site, hour]))


def undrawn_tokens(inputs: PlanInputs, site: int, hour: int) -> int:
    """Room that was left when all was placed, before some of it was left out."""
    return max(0, room_tokens(inputs, site, hour) - int(inputs.arrays["drawn_tokens"][site, hour]))


def room_tokens(inputs: PlanInputs, site: int, hour: int) -> int:
    """Room that the plan had in a cell: what is neither promised nor kept for expected work."""
    arrays = inputs.arrays
    taken = int(arrays["promised_tokens"][site, hour]) + int(arrays["kept_tokens"][site, hour])
    return max(0, int(arrays["capacity_tokens"][site, hour]) - taken)


def cell_words(inputs: PlanInputs, site: int, hour: int) -> str:
    """A cell in words: aws-eu-central-1 (Frankfurt) 2026-03-04 18:00 UTC."""
    place = inputs.sites[site]
    city = f" ({place.city})" if place.city else ""
    return f"{place.region}{city} {inputs.hour_at(hour):%Y-%m-%d %H:%M} UTC"


def _sites(inputs: PlanInputs, region: str | None, model_class: str | None) -> Iterator[int]:
    for index, site in enumerate(inputs.sites):
        if region in (None, site.region) and model_class in (None, site.model_class):
            yield index


def _is_within(hour: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or hour >= since) and (until is None or hour < until)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _moment(seconds: float) -> datetime | None:
    return None if math.isnan(float(seconds)) else datetime.fromtimestamp(int(seconds), tz=UTC)
