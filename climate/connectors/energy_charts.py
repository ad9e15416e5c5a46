"""Continental Europe by Energy-Charts (Fraunhofer ISE, energy-charts.info, CC BY 4.0), without a key.

`co2eq` are CO2 equivalents of the generation in a country, g CO2e/kWh, taken as lifecycle because
the publisher counts upstream emissions; `co2eq_forecast` is what it expects of the coming hours.
Countries with several grid zones (Denmark, Italy, Norway, Sweden) are left out: a national value
would be wrong for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from climate.connectors.contract import Ask, Connector
from climate.connectors.http import SourceError, SourceHttp, SourceMisbehaved, SourceRefused, SourceUnavailable
from climate.domain.collected import Collected, CollectedForecast, CollectedReading
from climate.domain.signal import Scope

COUNTRIES = (
    "at", "be", "bg", "ch", "cz", "de", "ee", "es", "fi", "fr", "gr", "hr",
    "hu", "lt", "lv", "nl", "pl", "pt", "ro", "rs", "si", "sk",
)  # fmt: skip
RECENT = timedelta(hours=24)
MOST_UNAVAILABLE = 2  # countries in a row; then the source is down and the rest would only wait


def collect(http: SourceHttp, ask: Ask) -> Collected:
    """Each country's last day and coming hours. One that fails is a problem, not the end of the others.

    A source that slows us down half way keeps what it gave; the next asking begins elsewhere, so
    that no country is always the last.
    """
    now = ask.now
    collected, unavailable = Collected(), 0
    for country in _in_turn(now):
        try:
            collected = collected.plus(_of_country(http.get_json("/co2eq", country=country), country.upper(), now))
            unavailable = 0
        except SourceRefused:
            raise
        except SourceUnavailable as error:
            unavailable += 1
            collected = collected.plus(_problem(country, error))
            if unavailable == MOST_UNAVAILABLE:
                if not collected.readings and not collected.forecasts:
                    raise
                break
        except SourceMisbehaved as error:
            collected = collected.plus(_problem(country, error))
    if not collected.readings and not collected.forecasts:
        raise SourceMisbehaved(collected.problems[0] if collected.problems else "no country had data")
    return collected


def _in_turn(now: datetime) -> tuple[str, ...]:
    """The countries, beginning five further every quarter of an hour (five and 22 share no factor)."""
    first = int(now.timestamp()) // 900 * 5 % len(COUNTRIES)
    return COUNTRIES[first:] + COUNTRIES[:first]


def _problem(country: str, error: SourceError) -> Collected:
    return Collected(problems=(f"{country}: {error}",))


def _of_country(answer: Any, zone: str, now: datetime) -> Collected:
    try:
        times = [datetime.fromtimestamp(each, UTC) for each in answer["unix_seconds"]]
        actual, expected = answer["co2eq"], answer.get("co2eq_forecast") or []
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise SourceMisbehaved("the answer is not the promised table") from error
    minutes = _period_minutes(times)
    readings = [
        CollectedReading(
            zone=zone, starts_at=at, period_minutes=minutes, intensity_g_per_kwh=value, scope=Scope.LIFECYCLE
        )
        for at, value in _known(times, actual)
        if now - RECENT <= at <= now
    ]
    forecasts = [
        CollectedForecast(
            zone=zone, starts_at=at, period_minutes=minutes, intensity_g_per_kwh=value, scope=Scope.LIFECYCLE
        )
        for at, value in _known(times, expected)
        if at >= now - timedelta(hours=1)
    ]
    return Collected(readings=tuple(readings), forecasts=tuple(forecasts))


def _known(times: list[datetime], values: Any) -> Iterable[tuple[datetime, float]]:
    """Times and values of parallel columns, without nulls; a shorter column ends early."""
    return [
        (at, float(value))
        for at, value in zip(times, values, strict=False)
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _period_minutes(times: list[datetime]) -> int:
    """The step of the time column: 15 minutes or an hour."""
    if len(times) < 2:
        return 60
    return max(1, min(60, round((times[1] - times[0]).total_seconds() / 60)))


CONNECTOR = Connector(
    name="energy-charts",
    title="Energy-Charts (Fraunhofer ISE, Europe)",
    home="https://www.energy-charts.info",
    licence="CC BY 4.0",
    collect=collect,
    interval_minutes=15,
    requests_per_hour=200,
    zones=tuple(country.upper() for country in COUNTRIES),
)
