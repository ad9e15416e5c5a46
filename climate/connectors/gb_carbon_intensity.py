"""Great Britain by NESO's Carbon Intensity API (carbonintensity.org.uk, CC BY 4.0), without a key.

National: the published intensity counts the chimney only (direct), measured and forecast for 48
hours. The generation mix of the same half hour, weighted by lifecycle factors, is the lifecycle
value that compares with other zones.

Regional: the fourteen regions of the distribution networks are zones `GB-1` to `GB-14`, after the
publisher's numbers. Of them only forecasts are published, never what was measured. The mix that is
expected of a region gives a lifecycle forecast; imports have no factor and are left out with a flag.

Limits: the publisher states none but asks for moderation; ranges are at most 14 days (api-definitions,
github.com/carbon-intensity). Half hours are settlement periods, written in UTC (`2018-01-20T12:00Z`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from climate.connectors.asking import ask_each
from climate.connectors.contract import Ask, Connector
from climate.connectors.generation import TooLittleKnown, mix_of, readings_of
from climate.connectors.http import SourceHttp, SourceMisbehaved
from climate.domain.collected import Collected, CollectedForecast, CollectedReading
from climate.domain.providers import PROVIDERS
from climate.domain.signal import Scope

ZONE = "GB"
REGIONS = tuple(f"GB-{number}" for number in range(1, 15))
HALF_HOUR_MINUTES = 30
HALF_HOUR = timedelta(minutes=HALF_HOUR_MINUTES)
KIND_OF_FUEL = {
    "biomass": "biofuel",
    "coal": "coal",
    "gas": "gas",
    "hydro": "hydro",
    "imports": "imports",
    "nuclear": "nuclear",
    "oil": "oil",
    "other": "other",
    "solar": "solar",
    "wind": "wind",
}


def collect(http: SourceHttp, ask: Ask) -> Collected:
    """Mix and intensity since they were last had, 48 hours of forecast, and the regions that are asked for."""
    slot = _slot(ask.now)
    span = f"{_written(_slot(ask.since_of(ZONE)))}/{_written(slot + HALF_HOUR)}"
    # A forecast is made anew each half hour; what was measured may come at any moment.
    questions = {
        "generation mix": lambda: _mix(http.get_json(f"/generation/{span}"), ask),
        "intensity": lambda: _actual(http.get_json(f"/intensity/{span}"), ask),
        "forecast": lambda: _forecast(
            http.get_json(f"/intensity/{_written(slot)}/fw48h", fresh_until=slot + HALF_HOUR), slot
        ),
    }
    regions = tuple(zone for zone in ask.zones if zone in REGIONS)
    return ask_each(
        (*questions, *regions),
        lambda name: _region(http, name, slot) if name in regions else questions[name](),
        refusal_ends=False,
        # The parts are made by different machinery: all of them and a region must fail before it is down.
        most_unavailable=len(questions) + 1,
    )


def _mix(answer: Any, ask: Ask) -> Collected:
    series: dict[str, dict[datetime, float]] = {}
    for period in _periods(answer):
        for each in period["generationmix"]:
            if each["perc"] is not None:
                series.setdefault(str(each["fuel"]), {})[_time(period["from"])] = float(each["perc"])
    # The half hour that is under way is published as it stands, and again when it is over.
    until = _slot(ask.now) + HALF_HOUR
    return readings_of(
        ZONE,
        series,
        KIND_OF_FUEL,
        period_minutes=HALF_HOUR_MINUTES,
        since=_slot(ask.since_of(ZONE)),
        until=until,
    )


def _actual(answer: Any, ask: Ask) -> Collected:
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
    return Collected(readings=tuple(each for each in actual if each.starts_at <= ask.now))


def _forecast(answer: Any, slot: datetime) -> Collected:
    expected = [_expected(ZONE, period) for period in _periods(answer)]
    return Collected(forecasts=tuple(each for each in expected if each is not None and each.starts_at >= slot))


def _expected(zone: str, period: Any) -> CollectedForecast | None:
    value = period["intensity"].get("forecast")
    if value is None:
        return None
    return CollectedForecast(
        zone=zone,
        starts_at=_time(period["from"]),
        period_minutes=HALF_HOUR_MINUTES,
        intensity_g_per_kwh=float(value),
        scope=Scope.DIRECT,
    )


def _region(http: SourceHttp, zone: str, slot: datetime) -> Collected:
    number = zone.removeprefix(f"{ZONE}-")
    path = f"/regional/intensity/{_written(slot)}/fw48h/regionid/{number}"
    answer = http.get_json(path, fresh_until=slot + HALF_HOUR)
    data = answer.get("data") if isinstance(answer, dict) else None
    found = data[0] if isinstance(data, list) and data else data
    if not isinstance(found, dict) or str(found.get("regionid")) != number:
        raise SourceMisbehaved(f"the answer is not of region {number}")
    periods = [period for period in _periods(found) if _time(period["from"]) >= slot]
    direct = [_expected(zone, period) for period in periods]
    mixes = [_expected_mix(zone, period) for period in periods]
    return Collected(forecasts=tuple(each for each in (*direct, *mixes) if each is not None))


def _expected_mix(zone: str, period: Any) -> CollectedForecast | None:
    amounts = {str(each["fuel"]): float(each["perc"]) for each in period.get("generationmix") or [] if each["perc"]}
    try:
        mix = mix_of(amounts, KIND_OF_FUEL)
    except TooLittleKnown:
        return None  # a region that imports more than half of what it uses: its own plants say little
    return CollectedForecast(
        zone=zone,
        starts_at=_time(period["from"]),
        period_minutes=HALF_HOUR_MINUTES,
        intensity_g_per_kwh=mix.intensity_g_per_kwh,
        scope=Scope.LIFECYCLE,
        flag="; ".join(filter(None, ["the publisher's model of the region", mix.flag])),
    )


def _periods(answer: Any) -> list[dict[str, Any]]:
    """The half hours of an answer, whose `data` may be one object or a list of them."""
    data = answer.get("data") if isinstance(answer, dict) else None
    periods = [data] if isinstance(data, dict) else data
    if not isinstance(periods, list) or not all(isinstance(each, dict) and "from" in each for each in periods):
        raise SourceMisbehaved("the answer has no half hours in it")
    return periods


def _slot(at: datetime) -> datetime:
    """The beginning of the half hour that holds `at`."""
    return at.replace(minute=at.minute // HALF_HOUR_MINUTES * HALF_HOUR_MINUTES, second=0, microsecond=0)


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%MZ}"


def _time(text: str) -> datetime:
    """`2018-01-20T12:00Z`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


CONNECTOR = Connector(
    provider=PROVIDERS["gb-carbon-intensity"],
    collect=collect,
    interval_minutes=15,
    # A day less than the longest range, because what is asked for begins earlier by the overlap.
    longest_look_back=timedelta(days=13),
    zones=(ZONE, *REGIONS),
)
