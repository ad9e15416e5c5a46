"""WattTime v3 (watttime.org): the marginal operating emissions rate, with an account of one's own.

`co2_moer` says what the plants emit that answer to one kWh more or less: marginal and direct, never
mixed with averages. It comes in pounds CO2 per MWh; any other unit (the free index is a percentile)
is no data. Periods of 5 minutes; a point's time is the beginning of its period.

Whoever logs in gets a token for 30 minutes. It lives in this process and nowhere else; on a refusal
that is not about the plan of the account one logs in again, once. A zone is found by its place
(`/v3/region-from-loc`), which is remembered in the process for a week.

Limits (docs.watttime.org): 3,000 requests in 5 minutes, 100 logins in 5 minutes, history at most 32
days a request. Accounts without a plan reach one Californian region only; a refusal of the others
is their problem, not the end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from climate.connectors.asking import ask_each, tried
from climate.connectors.contract import Ask, Connector
from climate.connectors.http import SourceHttp, SourceMisbehaved, SourceRefused
from climate.domain.collected import Collected, CollectedForecast, CollectedReading
from climate.domain.providers import PROVIDERS
from climate.domain.signal import Kind, Scope

USERNAME, PASSWORD = "WATTTIME_USERNAME", "WATTTIME_PASSWORD"  # names of settings, no password
SIGNAL = "co2_moer"
UNITS = "lbs_co2_per_mwh"
G_PER_KWH_OF_LBS_PER_MWH = 0.45359237  # exactly: 453.59237 g to the pound, 1,000 kWh to the MWh
# Two minutes less than they last, for the answers that are still to come.
TOKEN_LASTS = timedelta(minutes=28)
REGION_LASTS = timedelta(days=7)
LONGEST_RANGE = timedelta(days=32)
LOOK_BACK = timedelta(days=4)
"""Less than one question may ask for: the values of 5 minutes would be thousands of a zone."""
HORIZON_HOURS = 72


@dataclass(slots=True)
class _Remembered:
    """What this process knows: tokens by account, regions by place, each with its end."""

    tokens: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict, repr=False)
    regions: dict[tuple[float, float], tuple[str, datetime]] = field(default_factory=dict)


REMEMBERED = _Remembered()


def collect(http: SourceHttp, ask: Ask) -> Collected:
    """Every zone asked for that WattTime covers. One that fails or is refused is a problem, not the end of others."""
    account = _Account(http=http, ask=ask)
    account.log_in_if_needed()
    return ask_each(ask.zones, lambda zone: _of_zone(account, zone), refusal_ends=False)


@dataclass(slots=True)
class _Account:
    """The API as this account sees it."""

    http: SourceHttp
    ask: Ask
    has_logged_in: bool = False

    @property
    def _key(self) -> tuple[str, str]:
        return self.ask.secrets.get(USERNAME, ""), self.ask.secrets.get(PASSWORD, "")

    def log_in_if_needed(self) -> None:
        """Get a token unless there is one that still lasts."""
        token, ends_at = REMEMBERED.tokens.get(self._key, ("", self.ask.now))
        if not token or ends_at <= self.ask.now:
            self._log_in()

    def _log_in(self) -> None:
        REMEMBERED.tokens.pop(self._key, None)
        self.has_logged_in = True
        try:
            answer = self.http.get("/login", auth=self._key).json()
        except SourceRefused as error:
            raise SourceRefused("WattTime refused the user name or the password", status=error.status) from None
        token = answer.get("token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            raise SourceMisbehaved("the answer to the login holds no token")
        REMEMBERED.tokens[self._key] = (token, self.ask.now + TOKEN_LASTS)

    def get(self, path: str, **params: str) -> Any:
        """The parsed answer; with a new token if the old one is refused before its time."""
        try:
            return self._get(path, params)
        except SourceRefused as error:
            if _is_about_the_plan(error):
                raise SourceRefused("the plan of the account does not reach it", status=error.status) from None
            if self.has_logged_in:
                raise
        self._log_in()
        return self._get(path, params)

    def _get(self, path: str, params: Mapping[str, str]) -> Any:
        token, _ = REMEMBERED.tokens[self._key]
        return self.http.get(path, params=params, headers={"Authorization": f"Bearer {token}"}).json()


def _is_about_the_plan(error: SourceRefused) -> bool:
    """`Invalid scope` as JSON; an expired token is refused with a page of HTML."""
    try:
        return "scope" in str(json.loads(error.body).get("message", "")).lower()
    except (ValueError, AttributeError):
        return False


def _of_zone(account: _Account, zone: str) -> Collected:
    region = _region(account, zone)
    if region is None:
        return Collected(problems=(f"{zone}: WattTime does not cover its place",))
    forecasts, problems = tried(f"{zone}: forecast", lambda: _forecast(account, zone, region))
    readings = _history(account, zone, region)
    return Collected(readings=readings, forecasts=forecasts or (), problems=problems)


def _region(account: _Account, zone: str) -> str | None:
    """The region at the place of a zone; None: there is none."""
    place, now = account.ask.places.get(zone), account.ask.now
    if place is None:
        raise SourceMisbehaved("the place of the zone is not known")
    at = (place.latitude, place.longitude)
    region, ends_at = REMEMBERED.regions.get(at, ("", now))
    if ends_at <= now:
        region = _region_at(account, at)
        REMEMBERED.regions[at] = (region, now + REGION_LASTS)
    return region or None


def _region_at(account: _Account, at: tuple[float, float]) -> str:
    latitude, longitude = at
    try:
        answer = account.get(
            "/v3/region-from-loc", latitude=str(latitude), longitude=str(longitude), signal_type=SIGNAL
        )
    except SourceMisbehaved as error:
        if error.status == 404:
            return ""
        raise
    return str(answer["region"])


def _history(account: _Account, zone: str, region: str) -> tuple[CollectedReading, ...]:
    now = account.ask.now
    since = max(account.ask.since_of(zone), now - LONGEST_RANGE)
    answer = account.get("/v3/historical", region=region, signal_type=SIGNAL, start=_written(since), end=_written(now))
    minutes = _minutes(answer, region)
    return tuple(
        CollectedReading(
            zone=zone,
            starts_at=_time(point["point_time"]),
            period_minutes=minutes,
            intensity_g_per_kwh=float(point["value"]) * G_PER_KWH_OF_LBS_PER_MWH,
            scope=Scope.DIRECT,
            kind=Kind.MARGINAL,
            flag="estimated by the source (imputed data)" if point.get("imputed_data_used") else "",
        )
        for point in answer["data"]
        if point.get("value") is not None and _time(point["point_time"]) <= now
    )


def _forecast(account: _Account, zone: str, region: str) -> tuple[CollectedForecast, ...]:
    answer = account.get("/v3/forecast", region=region, signal_type=SIGNAL, horizon_hours=str(HORIZON_HOURS))
    minutes = _minutes(answer, region)
    issued_at = _time(answer["meta"]["generated_at"]) if answer["meta"].get("generated_at") else None
    return tuple(
        CollectedForecast(
            zone=zone,
            starts_at=_time(point["point_time"]),
            period_minutes=minutes,
            intensity_g_per_kwh=float(point["value"]) * G_PER_KWH_OF_LBS_PER_MWH,
            scope=Scope.DIRECT,
            kind=Kind.MARGINAL,
            issued_at=issued_at,
        )
        for point in answer["data"]
        if point.get("value") is not None
    )


def _minutes(answer: Any, region: str) -> int:
    """The length of the periods, of an answer that is what was asked for: this region, this signal, these units."""
    meta = answer["meta"]
    if meta.get("region") != region:
        raise SourceMisbehaved(f"the answer is of region {str(meta.get('region'))[:40]}; nothing of it was used")
    if meta.get("signal_type") != SIGNAL or meta.get("units") != UNITS:
        what, units = str(meta.get("signal_type"))[:40], str(meta.get("units"))[:40]
        raise SourceMisbehaved(f"the answer is {what} in {units}, which is no intensity that can be used")
    minutes, rest = divmod(int(meta.get("data_point_period_seconds") or 300), 60)
    if rest or not 1 <= minutes <= 60:
        raise SourceMisbehaved(f"periods of {meta['data_point_period_seconds']} seconds cannot be kept")
    return minutes


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M}+00:00"


def _time(text: str) -> datetime:
    """`2022-07-15T00:00:00+00:00`, or with `Z`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


CONNECTOR = Connector(
    provider=PROVIDERS["watttime"],
    collect=collect,
    interval_minutes=5,
    longest_look_back=LOOK_BACK,
    zones=None,
)
