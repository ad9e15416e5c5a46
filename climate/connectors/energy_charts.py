"""Continental Europe by Energy-Charts (Fraunhofer ISE, energy-charts.info, CC BY 4.0), without a key.

`/co2eq` are CO2 equivalents of the generation in a country, g CO2e/kWh, taken as lifecycle because
the publisher counts upstream emissions; `co2eq_forecast` is what it expects of the coming hours.
`/ren_share_forecast` is the renewable share of *load* in percent, from the beginning of today on; it
may exceed 100 when a surplus is exported. It is the publisher's expectation, also for hours that
are over, so a reading that carries it says so. `substitute` means a guess from historic data.
Countries with several grid zones (Denmark, Italy, Norway, Sweden) are left out: a national value
would be wrong for each of them.

Limits: the publisher states none and answers 429 with Retry-After; ours is 200 requests an hour.
`start` and `end` are Unix seconds or ISO 8601 (api.energy-charts.info, OpenAPI).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from climate.connectors.asking import ask_each, tried
from climate.connectors.contract import Ask, Connector
from climate.connectors.http import SourceHttp, SourceMisbehaved
from climate.domain.collected import Collected, CollectedForecast, CollectedReading
from climate.domain.providers import PROVIDERS
from climate.domain.signal import Scope

COUNTRIES = (
    "at", "be", "bg", "ch", "cz", "de", "ee", "es", "fi", "fr", "gr", "hr",
    "hu", "lt", "lv", "nl", "pl", "pt", "ro", "rs", "si", "sk",
)  # fmt: skip
AHEAD = timedelta(hours=72)
Values = Iterable[tuple[datetime, float]]
SHARE_OF_LOAD = "renewable share is the publisher's forecast, of load"


def collect(http: SourceHttp, ask: Ask) -> Collected:
    """Each country since it was last had, and its coming hours. One that fails is a problem, not the end of others."""
    wanted = tuple(zone.lower() for zone in ask.zones if zone.lower() in COUNTRIES) if ask.zones else COUNTRIES
    collected = ask_each(wanted, lambda country: _of_country(http, country, ask))
    if not collected.readings and not collected.forecasts:
        raise SourceMisbehaved(collected.problems[0] if collected.problems else "no country had data")
    return collected


def _of_country(http: SourceHttp, country: str, ask: Ask) -> Collected:
    zone, now = country.upper(), ask.now
    since = ask.since_of(zone)
    answer = http.get_json("/co2eq", country=country, start=_written(since), end=_written(now + AHEAD))
    times = _times(answer)
    minutes, flag = _period_minutes(times), _flag(answer)
    actual, expected = answer["co2eq"], answer.get("co2eq_forecast") or []
    found, problems = tried(f"{country}: renewable share", lambda: _shares(http, country, now))
    readings = _readings(zone, _known(times, actual), minutes, flag, *(found or ({}, "")))
    forecasts = _forecasts(zone, _known(times, expected), minutes, flag)
    return Collected(
        readings=tuple(each for each in readings if since <= each.starts_at <= now),
        forecasts=tuple(each for each in forecasts if each.starts_at >= now - timedelta(hours=1)),
        problems=problems,
    )


def _readings(
    zone: str, values: Values, minutes: int, flag: str, shares: Mapping[datetime, float], share_flag: str
) -> list[CollectedReading]:
    return [
        CollectedReading(
            zone=zone,
            starts_at=at,
            period_minutes=minutes,
            intensity_g_per_kwh=value,
            scope=Scope.LIFECYCLE,
            renewable_share=shares.get(at),
            flag="; ".join(filter(None, [flag, share_flag if at in shares else ""])),
        )
        for at, value in values
    ]


def _forecasts(zone: str, values: Values, minutes: int, flag: str) -> list[CollectedForecast]:
    return [
        CollectedForecast(
            zone=zone,
            starts_at=at,
            period_minutes=minutes,
            intensity_g_per_kwh=value,
            scope=Scope.LIFECYCLE,
            flag=flag,
        )
        for at, value in values
    ]


def _shares(http: SourceHttp, country: str, now: datetime) -> tuple[dict[datetime, float], str]:
    """Renewable shares 0..1 by quarter hour, and what to say of them."""
    next_hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    # Asked once an hour: it is one of two requests a country, and the less urgent one.
    answer = http.get_json("/ren_share_forecast", country=country, fresh_until=next_hour)
    shares = {at: min(percent, 100.0) / 100 for at, percent in _known(_times(answer), answer["ren_share"])}
    return shares, "; ".join(filter(None, [SHARE_OF_LOAD, _flag(answer)]))


def _flag(answer: Mapping[str, Any]) -> str:
    """What the publisher warns of."""
    warnings = [
        ("substitute", "a guess of the publisher's from historic data"),
        ("deprecated", "the publisher will soon no longer serve this"),
    ]
    return "; ".join(words for name, words in warnings if answer.get(name) is True)


def _times(answer: Any) -> list[datetime]:
    try:
        return [datetime.fromtimestamp(each, UTC) for each in answer["unix_seconds"]]
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise SourceMisbehaved("the answer is not the promised table") from error


def _known(times: list[datetime], values: Any) -> Values:
    """Times and values of parallel columns, without nulls; a shorter column ends early."""
    return [
        (at, float(value))
        for at, value in zip(times, values, strict=False)
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _period_minutes(times: list[datetime]) -> int:
    """The step of the time column, 15 minutes or an hour; a row that was left out makes no longer step."""
    steps = [(later - earlier).total_seconds() / 60 for earlier, later in pairwise(times) if later > earlier]
    return max(1, min(60, round(min(steps, default=60))))


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%MZ}"


CONNECTOR = Connector(
    provider=PROVIDERS["energy-charts"],
    collect=collect,
    interval_minutes=15,
    longest_look_back=timedelta(days=14),
    revised_within=timedelta(days=3),  # made of what ENTSO-E publishes, which is revised as long; the figure is ours
    zones=tuple(country.upper() for country in COUNTRIES),
)
