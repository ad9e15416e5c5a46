"""How Electricity Maps writes times, periods, scopes, estimates and shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from climate.domain.signal import Scope

MINUTES_OF_GRANULARITY = {"hourly": 60, "15_minutes": 15, "5_minutes": 5}


def scope_of(row: Mapping[str, Any]) -> Scope:
    """Lifecycle, unless the row says direct."""
    return Scope.DIRECT if row.get("emissionFactorType") == "direct" else Scope.LIFECYCLE


def minutes_of(row: Mapping[str, Any]) -> int | None:
    """The length of a period; None for days and more, which are no hour's value."""
    return MINUTES_OF_GRANULARITY.get(str(row.get("temporalGranularity") or "hourly"))


def estimate_of(row: Mapping[str, Any]) -> str:
    """What to say of a value that was estimated; empty where it was measured."""
    if not row.get("isEstimated"):
        return ""
    method = str(row.get("estimationMethod") or "method not said")
    return f"estimated by the source ({method[:60]})"


def shares_of(rows: Iterable[Mapping[str, Any]], column: str, *, of: str) -> tuple[dict[datetime, float], str]:
    """Shares 0..1 of a column of percent by time, and in words the last one that is none and was left out."""
    shares, wrong = dict[datetime, float](), ""
    for row in rows:
        percent = row.get(column)
        if percent is None:
            continue
        at, share = time_of(row["datetime"]), float(percent) / 100
        if 0 <= share <= 1:
            shares[at] = share
        else:
            wrong = f"{of} of {at:%Y-%m-%d %H:%M} is {float(percent):g} %, and is left out"
    return shares, wrong


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour."""
    return at.replace(minute=0, second=0, microsecond=0)


def written(at: datetime) -> str:
    """`2024-03-06T19:00:00Z`."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def time_of(text: str) -> datetime:
    """`2024-03-06T19:00:00.000Z`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
