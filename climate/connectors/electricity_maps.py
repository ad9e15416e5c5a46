"""Electricity Maps (electricitymaps.com), with a key of one's own; the data stay under the terms of that key.

Flow-traced intensity of consumption, g CO2e/kWh, by the hour: history (the last 24 hours and the
running one), past range where an outage was longer, or the latest hour alone, as far as the key
reaches; forecast; renewable and carbon-free share. Version 4 of the API serves the shares as
signals of their own, version 3 within the power breakdown.

Every request names the zone and every answer is checked for it: without a zone the service answers
for the place it takes the caller to be in. Values marked SANDBOX_MODE_DATA are random numbers of a
trial key and count as no data. Estimated values are kept with a flag.

What the key reaches is asked of `/zones` and remembered for a day. Limits (developer hub, API
reference): past range at most 10 days by the hour; request rates depend on the plan and are not
published, so ours is 600 an hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from climate.connectors.asking import ask_each, tried
from climate.connectors.contract import Ask, Connector
from climate.connectors.electricity_maps_values import (
    estimate_of,
    hour_of,
    minutes_of,
    scope_of,
    shares_of,
    time_of,
    written,
)
from climate.connectors.http import SourceHttp, SourceMisbehaved, SourceRefused
from climate.domain.collected import Collected, CollectedForecast, CollectedReading
from climate.domain.providers import PROVIDERS

KEY = "ELECTRICITY_MAPS_KEY"
SANDBOX = "SANDBOX_MODE_DATA"
DAY = timedelta(days=1)
LONGEST_RANGE = timedelta(days=10)
EVERYTHING = "*"
NAMED_ZONES = 10

Shares = dict[datetime, tuple[float | None, float | None]]
"""Renewable and carbon-free share 0..1 by the beginning of the hour."""


def collect(http: SourceHttp, ask: Ask) -> Collected:
    """Every zone asked for that the key reaches. One that fails or is refused is a problem, not the end of others."""
    service = _Service(http=http, ask=ask, version=ask.options.get("version") or "v4")
    access = service.access()
    reached = tuple(zone for zone in ask.zones if access is None or zone in access)
    beyond = tuple(sorted(set(ask.zones) - set(reached)))
    if ask.zones and not reached:
        some = ", ".join(sorted(access or ())[:5])
        raise SourceRefused(f"the key reaches none of the zones asked for; it reaches {some or 'none at all'}")
    routes = access or {}
    return Collected(problems=_beyond_the_key(beyond)).plus(
        ask_each(
            reached,
            lambda zone: _Zone(service=service, zone=zone, routes=routes.get(zone, frozenset({EVERYTHING}))).collect(),
            refusal_ends=False,
        )
    )


def _beyond_the_key(zones: Sequence[str]) -> tuple[str, ...]:
    """One problem, however many zones there are."""
    if not zones:
        return ()
    more = f" and {len(zones) - NAMED_ZONES} more" if len(zones) > NAMED_ZONES else ""
    return (f"{len(zones)} zone{'s' * (len(zones) > 1)} beyond the key: {', '.join(zones[:NAMED_ZONES])}{more}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    """The API as this key sees it."""

    http: SourceHttp
    ask: Ask
    version: str

    def get(self, route: str, *, fresh_until: datetime | None = None, **params: str) -> Any:
        """The parsed answer of a route. A key that is not accepted at all ends everything."""
        headers = {"auth-token": self.ask.secrets.get(KEY, "")}
        path = f"/{self.version}/{route}"
        return self.http.get(path, params=params, headers=headers, fresh_until=fresh_until).json()

    def access(self) -> Mapping[str, frozenset[str]] | None:
        """Routes by zone that the key may use; None: the service does not say."""
        try:
            answer = self.get("zones", fresh_until=self.ask.now + DAY)
        except SourceRefused as error:
            if error.status == 401:  # no key of theirs at all
                raise
            return None
        except SourceMisbehaved:
            return None
        if not isinstance(answer, dict):
            return None
        found = {
            str(zone): frozenset(str(route).strip("/") for route in facts["access"])
            for zone, facts in answer.items()
            if isinstance(facts, dict) and isinstance(facts.get("access"), list)
        }
        return found or None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zone:
    """One zone: what is asked of it, and reading the answers."""

    service: _Service
    zone: str
    routes: frozenset[str]

    def collect(self) -> Collected:
        """Readings since they were last had, and the forecast where the key reaches it."""
        rows, problems = self._past("carbon-intensity")
        if not any(self._may(f"carbon-intensity/{route}") for route in ("past-range", "history", "latest")):
            problems = (f"{self.zone}: the key does not reach its carbon-intensity",)
        found, of_shares = tried(f"{self.zone}: shares", self._shares)
        shares, missing = found or ({}, ())
        forecasts, of_forecast = tried(f"{self.zone}: forecast", self._forecast)
        readings = (self._reading(row, shares) for row in rows)
        return Collected(
            readings=tuple(each for each in readings if each is not None),
            forecasts=forecasts or (),
            problems=(*problems, *of_shares, *missing, *of_forecast),
        )

    def _may(self, route: str) -> bool:
        return EVERYTHING in self.routes or route in self.routes

    def _past(self, signal: str) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """Rows of a signal as far as they are wanted and the key reaches: by range, by history or the latest alone.

        And in words what was within its reach and could not be had.
        """
        now = self.service.ask.now
        since = max(self.service.ask.since_of(self.zone), now - LONGEST_RANGE)
        rows: list[dict[str, Any]] = []
        problems: tuple[str, ...] = ()
        if since < now - DAY and self._may(f"{signal}/past-range"):
            # What is long past may fail by itself: the last day must not be lost for it.
            found, problems = tried(f"{self.zone}: {signal} of the past", lambda: self._range(signal, since))
            rows = found or []
        route = next((each for each in (f"{signal}/history", f"{signal}/latest") if self._may(each)), None)
        if route is not None:
            rows += self._rows(self._get(route))
        # The range and the history overlap; the history is the newer word.
        return list({row["datetime"]: row for row in rows}.values()), problems

    def _range(self, signal: str, since: datetime) -> list[dict[str, Any]]:
        start, end = written(hour_of(since)), written(hour_of(self.service.ask.now))
        return self._rows(self._get(f"{signal}/past-range", start=start, end=end))

    def _get(self, route: str, *, fresh_until: datetime | None = None, **params: str) -> dict[str, Any]:
        answer = self.service.get(route, fresh_until=fresh_until, zone=self.zone, **params)
        if not isinstance(answer, dict):
            raise SourceMisbehaved("the answer is not the promised object")
        if answer.get("zone") != self.zone:
            raise SourceMisbehaved(f"the answer is of zone {str(answer.get('zone'))[:20]}; nothing of it was used")
        return answer

    def _rows(self, answer: dict[str, Any]) -> list[dict[str, Any]]:
        """The hours of an answer, one or many, without another zone's and without sandbox data."""
        rows = answer.get("history", answer.get("data", answer))
        rows = rows if isinstance(rows, list) else [rows]
        granularity = answer.get("temporalGranularity")
        found = [{"temporalGranularity": granularity, **row} for row in rows if row.get("zone", self.zone) == self.zone]
        true = [row for row in found if row.get("estimationMethod") != SANDBOX]
        if found and not true:
            raise SourceMisbehaved("the key gives sandbox data only, random numbers that count as none")
        return true

    def _reading(self, row: dict[str, Any], shares: Shares) -> CollectedReading | None:
        minutes, at = minutes_of(row), time_of(row["datetime"])
        if row.get("carbonIntensity") is None or minutes is None or at > self.service.ask.now:
            return None
        renewable, carbon_free = shares.get(at, (None, None))
        return CollectedReading(
            zone=self.zone,
            starts_at=at,
            period_minutes=minutes,
            intensity_g_per_kwh=float(row["carbonIntensity"]),
            scope=scope_of(row),
            renewable_share=renewable,
            carbon_free_share=carbon_free,
            flag=estimate_of(row),
        )

    def _shares(self) -> tuple[Shares, tuple[str, ...]]:
        """Shares by the hour, and in words which of them could not be had or are none."""
        if self.service.version == "v3":
            rows, problems = self._past("power-breakdown")
            both = [(rows, "renewablePercentage"), (rows, "fossilFreePercentage")]
        else:
            renewable_rows, of_renewable = self._past("renewable-energy")
            carbon_free_rows, of_carbon_free = self._past("carbon-free-energy")
            both, problems = [(renewable_rows, "value"), (carbon_free_rows, "value")], of_renewable + of_carbon_free
        (renewable, wrong), (carbon_free, also_wrong) = (
            shares_of(rows, column, of=f"{self.zone}: the {name} share")
            for (rows, column), name in zip(both, ("renewable", "carbon-free"), strict=True)
        )
        shares = {at: (renewable.get(at), carbon_free.get(at)) for at in renewable.keys() | carbon_free.keys()}
        return shares, (*problems, *filter(None, (wrong, also_wrong)))

    def _forecast(self) -> tuple[CollectedForecast, ...]:
        route, hour = "carbon-intensity/forecast", hour_of(self.service.ask.now)
        if not self._may(route):
            return ()
        # It is made anew by the hour.
        answer = self._get(route, fresh_until=hour + timedelta(hours=1))
        minutes = minutes_of(answer)
        if minutes is None:
            return ()
        issued_at = time_of(answer["updatedAt"]) if answer.get("updatedAt") else None
        found = [
            CollectedForecast(
                zone=self.zone,
                starts_at=time_of(row["datetime"]),
                period_minutes=minutes,
                intensity_g_per_kwh=float(row["carbonIntensity"]),
                scope=scope_of(answer),
                issued_at=issued_at,
            )
            for row in answer.get("forecast") or answer.get("data") or ()
            if row.get("carbonIntensity") is not None and row.get("estimationMethod") != SANDBOX
        ]
        return tuple(each for each in found if each.starts_at >= hour)


CONNECTOR = Connector(
    provider=PROVIDERS["electricity-maps"],
    collect=collect,
    interval_minutes=15,
    longest_look_back=LONGEST_RANGE,
    zones=None,
)
