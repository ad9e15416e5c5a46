"""Solar power at night: some sources give no row for what is 0, and that is no silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from climate.connectors.contract import Place
from climate.domain.sun import sines_at

SOLAR = "solar"
DAY = timedelta(days=1)
LOW_SUN = float(np.sin(np.radians(6)))
"""Sine of an elevation below which little is generated, and below which a large zone is partly dark."""

Series = Mapping[str, Mapping[datetime, float]]
"""Generation by the provider's code and the beginning of the period: MW, MWh or percent, always the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lit:
    """A series with nights filled in; `guessed` are times at which 0 is likely and not certain."""

    series: Series
    guessed: frozenset[datetime]


def with_nights(
    series: Series, kinds: Mapping[str, str], times: Sequence[datetime], place: Place | None, period: timedelta
) -> Lit:
    """Solar power as 0 at those `times` at which a source that reports it has no row, and the sun is down.

    It is a guess where the sun is low, and where the same time of the day before or after lacks it too,
    with reports between. In full daylight a missing row stays missing.
    """
    sines = _sines(times, place, period)
    filled, guessed = dict(series), set[datetime]()
    for code, amounts in series.items():
        if kinds.get(code) != SOLAR or not amounts:
            continue
        gaps = [at for at in times if at not in amounts]
        likely = {at for at in gaps if sines.get(at, 1.0) < LOW_SUN or _recurs(at, amounts, times)}
        filled[code] = {**amounts, **dict.fromkeys(likely, 0.0)}
        guessed |= {at for at in likely if sines.get(at, 1.0) > 0}
    return Lit(series=filled, guessed=frozenset(guessed))


def _sines(times: Sequence[datetime], place: Place | None, period: timedelta) -> dict[datetime, float]:
    """Sine of the sun's elevation in the middle of each period; nothing where the place is not known."""
    if place is None:
        return {}
    middles = np.array([(at + period / 2).timestamp() for at in times], dtype=np.float64)
    found = sines_at(middles, latitude=place.latitude, longitude=place.longitude)
    return dict(zip(times, found.tolist(), strict=True))


def _recurs(at: datetime, amounts: Mapping[datetime, float], times: Sequence[datetime]) -> bool:
    return any(
        other in times and other not in amounts and any(min(at, other) < said < max(at, other) for said in amounts)
        for other in (at - DAY, at + DAY)
    )
