"""Great Britain by NESO's Carbon Intensity API (carbonintensity.org.uk, CC BY 4.0), without a key.

The published intensity counts the chimney only (direct). The generation mix of the same half hour,
weighted by lifecycle factors, is the lifecycle value that compares with other zones.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from climate.connectors.contract import Ask, Connector
from climate.connectors.http import SourceHttp, SourceMisbehaved
from climate.domain.carbon import CARBON_FREE_SOURCES, RENEWABLE_SOURCES, intensity_of_mix
from climate.domain.collected import Collected, CollectedForecast, CollectedReading
from climate.domain.signal import Scope

ZONE = "GB"
HALF_HOUR_MINUTES = 30
SOURCE_OF_FUEL = {
    "biomass": "biofuel",
    "coal": "coal",
    "gas": "gas",
    "hydro": "hydro",
    "nuclear": "nuclear",
    "solar": "solar",
    "wind": "wind",
}
LEAST_KNOWN_PERCENT = 50.0  # of the mix; with less the weighted mean says little about the whole


def collect(http: SourceHttp, ask: Ask) -> Collected:
    """The half hour's mix and intensity, and 48 hours of forecast."""
    now = ask.now
    mix = _of_mix(http.get_json("/generation"))
    actual = _of_intensity(http.get_json("/intensity"))
    return mix.plus(actual).plus(_of_forecast(http.get_json(f"/intensity/{now:%Y-%m-%dT%H:%MZ}/fw48h")))


def _of_mix(answer: Any) -> Collected:
    readings = []
    for period in _periods(answer):
        percent = {SOURCE_OF_FUEL.get(each["fuel"], ""): float(each["perc"]) for each in period["generationmix"]}
        left_out = sum(float(each["perc"]) for each in period["generationmix"] if each["fuel"] not in SOURCE_OF_FUEL)
        percent.pop("", None)
        known = sum(percent.values())
        if known < LEAST_KNOWN_PERCENT:
            return Collected(problems=(f"GB mix: only {known:g} % of it is of known sources",))
        shares = {source: value / known for source, value in percent.items()}
        readings.append(
            CollectedReading(
                zone=ZONE,
                starts_at=_time(period["from"]),
                period_minutes=HALF_HOUR_MINUTES,
                intensity_g_per_kwh=intensity_of_mix(shares),
                scope=Scope.LIFECYCLE,
                renewable_share=sum(share for source, share in shares.items() if source in RENEWABLE_SOURCES),
                carbon_free_share=sum(share for source, share in shares.items() if source in CARBON_FREE_SOURCES),
                flag=f"imports and other, {left_out:.1f} % of the mix, are not counted" if left_out else "",
            )
        )
    return Collected(readings=tuple(readings))


def _of_intensity(answer: Any) -> Collected:
    actual = [
        CollectedReading(
            zone=ZONE,
            starts_at=_time(period["from"]),
            period_minutes=HALF_HOUR_MINUTES,
            intensity_g_per_kwh=float(period["intensity"]["actual"]),
            scope=Scope.DIRECT,
        )
        for period in _periods(answer)
        if period["intensity"].get("actual") is not None
    ]
    return Collected(readings=tuple(actual))


def _of_forecast(answer: Any) -> Collected:
    expected = [
        CollectedForecast(
            zone=ZONE,
            starts_at=_time(period["from"]),
            period_minutes=HALF_HOUR_MINUTES,
            intensity_g_per_kwh=float(period["intensity"]["forecast"]),
            scope=Scope.DIRECT,
        )
        for period in _periods(answer)
        if period["intensity"].get("forecast") is not None
    ]
    return Collected(forecasts=tuple(expected))


def _periods(answer: Any) -> list[dict[str, Any]]:
    """The half hours of an answer, whose `data` may be one object or a list of them."""
    data = answer.get("data") if isinstance(answer, dict) else None
    periods = [data] if isinstance(data, dict) else data
    if not isinstance(periods, list) or not all(isinstance(each, dict) and "from" in each for each in periods):
        raise SourceMisbehaved("the answer has no half hours in it")
    return periods


def _time(text: str) -> datetime:
    """`2018-01-20T12:00Z`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


CONNECTOR = Connector(
    name="gb-carbon-intensity",
    title="NESO Carbon Intensity API (Great Britain)",
    home="https://carbonintensity.org.uk",
    licence="CC BY 4.0",
    collect=collect,
    interval_minutes=15,
    requests_per_hour=120,
    zones=(ZONE,),
)
