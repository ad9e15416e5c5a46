"""A week of three providers: what they really had of each period, and how they fail.

The truth is made of hashes, so that it is known without being stored, and the same in every run. Values are
published some time after their period, some are revised hours later, and some never come. The operator behind
Energy-Charts also corrects some values two days later, all at once.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from tests.integration.climate.provider import Asked, Reply, reply

START = datetime(2026, 3, 27, 23, 0, tzinfo=UTC)  # the clocks of Europe change on the 29th
BEGIN_OF_RECORDS = START - timedelta(hours=20)
KEY = "the-right-key"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RUNNING_FAULT_SHARE = 0.08
IMPOSSIBLE = 4321.0


@dataclass(frozen=True)
class Series:
    """One column of a provider: of a zone, with periods of so many minutes."""

    source: str
    zone: str
    scope: str
    minutes: int
    is_corrected_late: bool = False

    def chance(self, at: datetime, what: str) -> float:
        """A number from 0 to 1 that belongs to a period for good."""
        text = f"{self.source} {self.zone} {self.scope} {at:%Y%m%d%H%M} {what}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64

    def exists(self, at: datetime) -> bool:
        """Whether the provider ever has it: single periods and whole hours never come."""
        block = at.replace(hour=at.hour - at.hour % 6, minute=0)
        return self.chance(at, "lost") > 0.02 and self.chance(block, "lost block") > 0.05

    def published_at(self, at: datetime) -> datetime:
        """When its value first appears."""
        return at + self.minutes * MINUTE + int(self.chance(at, "delay") ** 3 * 90) * MINUTE

    def revised_at(self, at: datetime) -> datetime | None:
        """When its value changes: within six hours after its period began, or in a batch days later; None: never."""
        if self.is_corrected_late and self.chance(at, "corrected") < 0.1:
            return at.replace(hour=13, minute=10) + timedelta(days=2)
        if self.chance(at, "revised") > 0.08:
            return None
        return self.published_at(at) + int(10 + self.chance(at, "late") * 150) * MINUTE

    def value(self, at: datetime, *, now: datetime) -> float | None:
        """What the provider says of the period at `now`; percents of gas among gas and wind, times ten."""
        if at < BEGIN_OF_RECORDS or not self.exists(at) or self.published_at(at) > now:
            return None
        revised_at = self.revised_at(at)
        final = revised_at is not None and revised_at <= now
        return round(150 + 500 * self.chance(at, "final" if final else "first"), 1)

    def periods(self, since: datetime, until: datetime) -> list[datetime]:
        """Beginnings of all periods from `since` to `until`."""
        step = self.minutes * MINUTE
        first = datetime.fromtimestamp(-(-since.timestamp() // step.total_seconds()) * step.total_seconds(), UTC)
        count = int((until - first) / step) + 1
        return [first + number * step for number in range(max(0, count))]


GB_MIX = Series("gb-carbon-intensity", "GB", "lifecycle", 30)
GB_ACTUAL = Series("gb-carbon-intensity", "GB", "direct", 30)
EC = {zone: Series("energy-charts", zone, "lifecycle", 15, is_corrected_late=True) for zone in ("DE", "FR")}
EM = Series("electricity-maps", "SE-SE3", "lifecycle", 60)
ALL = (GB_MIX, GB_ACTUAL, *EC.values(), EM)
GAS_G_PER_KWH, WIND_G_PER_KWH = 490.0, 11.0


def intensity_of_percent(gas_percent: float) -> float:
    """Of a mix of gas and wind."""
    return (gas_percent * GAS_G_PER_KWH + (100 - gas_percent) * WIND_G_PER_KWH) / 100


# --- the wire formats ------------------------------------------------------------------------------


def great_britain(asked: Asked, now: datetime) -> Any:
    """`/generation/{from}/{to}`, `/intensity/{from}/{to}` and `/intensity/{from}/fw48h`."""
    what, begin, end = unquote(asked.path).strip("/").split("/")
    since = _time(begin)
    until = since + 3 * HOUR if end == "fw48h" else _time(end) - HOUR / 2
    series = GB_MIX if what == "generation" else GB_ACTUAL
    rows = []
    for at in series.periods(since, until):
        row: dict[str, Any] = {"from": f"{at:%Y-%m-%dT%H:%MZ}", "to": f"{at + HOUR / 2:%Y-%m-%dT%H:%MZ}"}
        value = series.value(at, now=now)
        if what == "intensity":
            actual = None if value is None or end == "fw48h" else value
            rows.append({**row, "intensity": {"forecast": 200, "actual": actual, "index": "moderate"}})
        elif value is not None:
            gas = value / 10
            mix = [{"fuel": "gas", "perc": gas}, {"fuel": "wind", "perc": 100 - gas}]
            rows.append({**row, "generationmix": mix})
    return {"data": rows}


def energy_charts(asked: Asked, now: datetime) -> Any:
    """`/co2eq` with parallel columns and trailing nulls, and `/ren_share_forecast`."""
    series = EC[asked.params["country"].upper()]
    if asked.path == "/ren_share_forecast":
        times = series.periods(now.replace(hour=0, minute=0), now)
        return {"unix_seconds": [int(at.timestamp()) for at in times], "ren_share": [50.0] * len(times)}
    times = series.periods(_time(asked.params["start"]), now + 3 * HOUR)
    return {
        "unix_seconds": [int(at.timestamp()) for at in times],
        "co2eq": [series.value(at, now=now) for at in times],
        "co2eq_forecast": [300.0 if at > now else None for at in times],
        "deprecated": False,
    }


def electricity_maps(asked: Asked, now: datetime) -> Any:
    """`/v4/zones`, history of 24 hours and past range, for whoever has the key."""
    if asked.headers.get("auth-token") != KEY:
        return Reply(status=401, body=b'{"error": "Invalid auth-token"}')
    if asked.path == "/v4/zones":
        return {
            EM.zone: {
                "zoneName": "Sweden",
                "access": [f"carbon-intensity/{each}" for each in ("history", "past-range")],
            }
        }
    if asked.path.endswith("/past-range"):
        times = EM.periods(_time(asked.params["start"]), _time(asked.params["end"]))
    else:
        times = EM.periods(now - 24 * HOUR, now)
    rows = [
        {
            "zone": EM.zone,
            "carbonIntensity": EM.value(at, now=now),
            "datetime": f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
            "emissionFactorType": "lifecycle",
            "isEstimated": False,
            "estimationMethod": None,
        }
        for at in times
    ]
    name = "data" if asked.path.endswith("/past-range") else "history"
    return {"zone": EM.zone, name: rows, "temporalGranularity": "hourly"}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


# --- what goes wrong -------------------------------------------------------------------------------

PASSING_FAULTS = {
    "500": Reply(status=500),
    "503 with a short pause": Reply(status=503, headers={"Retry-After": "5"}),
    "429": Reply(status=429),
    "429 with a long pause": Reply(status=429, headers={"Retry-After": "2400"}),
    "404": Reply(status=404, body=b"{}"),
    "HTML with 200": Reply(body=b"<!doctype html><html>maintenance</html>"),
    "half of the JSON": Reply(body=b'{"data": [{"from": "2026-'),
    "less than promised": Reply(body=b'{"data": [', missing=100),
    "null": Reply(body=b"null"),
    "silence": Reply(body=b"{}", wait_seconds=0.3),
    "a drip": Reply(body=b" " * 100 + b"{}", drip_seconds=0.02),
    "too large": Reply(body=b" " * 300_000),
    "a foreign host": Reply(status=302, headers={"Location": "http://169.254.169.254/latest/"}),
    "a loop": Reply(status=302, headers={"Location": "/loop"}),
}


@dataclass
class Week:
    """The providers through the week: seeded faults at any time, outages of hours, one refusal of a day."""

    seed: int
    now: datetime = START
    ends_at: datetime = START + timedelta(days=7)
    calm: timedelta = timedelta(hours=6)
    faults: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._outages: list[tuple[str, datetime, datetime, str]] = []
        days = range(6)
        for source in ("gb-carbon-intensity", "energy-charts", "electricity-maps"):
            for day in self._random.sample(days, 3):
                begin = START + timedelta(days=day, minutes=self._random.randrange(720))
                end = begin + timedelta(minutes=self._random.randrange(120, 600))
                self._outages.append((source, begin, end, "an outage"))
            night = START + timedelta(days=3, hours=2)
            self._outages.append((source, night, night + timedelta(hours=4), "all down"))
        refusal = START + timedelta(days=1, hours=5)
        self._outages.append(("electricity-maps", refusal, refusal + timedelta(hours=2), "403 with HTML"))

    @property
    def is_calm(self) -> bool:
        """Whether nothing goes wrong any more."""
        return self.now >= self.ends_at - self.calm

    def answer(self, source: str, asked: Asked) -> Reply:
        """What this provider says now."""
        fault = "a loop" if asked.path == "/loop" else self._fault(source)
        if fault:
            self.faults[fault] += 1
        if fault in PASSING_FAULTS:
            return PASSING_FAULTS[fault]
        if fault == "403 with HTML":
            return Reply(status=403, body=b"<html>no</html>")
        if fault in ("an outage", "all down"):
            return Reply(status=502)
        play = {"gb-carbon-intensity": great_britain, "energy-charts": energy_charts}.get(source, electricity_maps)
        said = play(asked, self.now)
        if isinstance(said, Reply):
            return said
        return self._with_validators(asked, _spoiled(said) if fault == "an impossible value" else said)

    def _with_validators(self, asked: Asked, said: Any) -> Reply:
        etag = f'"{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]}"'
        if asked.headers.get("if-none-match") == etag:
            self.faults["304"] += 1
            return Reply(status=304)
        return reply(said, headers={"ETag": etag})

    def _fault(self, source: str) -> str:
        if self.is_calm:
            return ""
        for of_source, begin, end, name in self._outages:
            if source == of_source and begin <= self.now < end:
                return name
        if self._random.random() > RUNNING_FAULT_SHARE:
            return ""
        return self._random.choice([*PASSING_FAULTS, "an impossible value"])


def _spoiled(said: Any) -> Any:
    """The same answer with one impossible value in it, of the newest period that has one."""
    if isinstance(said.get("co2eq"), list):
        known = [index for index, value in enumerate(said["co2eq"]) if value is not None]
        for index in known[-1:]:
            said["co2eq"][index] = IMPOSSIBLE
    for row in (said.get("history") or said.get("data") or [])[::-1]:
        if row.get("carbonIntensity") is not None:
            row["carbonIntensity"] = IMPOSSIBLE
            break
        if row.get("intensity", {}).get("actual") is not None:
            row["intensity"]["actual"] = IMPOSSIBLE
            break
    return said
