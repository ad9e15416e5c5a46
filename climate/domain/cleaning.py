"""What a connector brought, with its texts cut to size and without what no database can store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from climate.domain.alerts import CollectedAlert
from climate.domain.collected import Collected, CollectedForecast, CollectedReading
from climate.domain.texts import one_line

LONGEST_ZONE = 100
LONGEST_FLAG = 200
LONGEST_PROBLEM = 300
LONGEST_EXTERNAL_ID = 120
LONGEST_OF_ALERT = {"title": 300, "severity_text": 300, "glide": 40, "url": 500}
LONGEST_PLACE = 100
MOST_PLACES = 300

V = TypeVar("V", CollectedReading, CollectedForecast)


def cleaned(collected: Collected) -> Collected:
    """The same, fit to be stored. What is not itself any more once it is cleaned is left out, with a problem."""
    readings, no_readings = _values(collected.readings)
    forecasts, no_forecasts = _values(collected.forecasts)
    alerts = tuple(_alert(each) for each in collected.alerts if _has_clean_id(each))
    refused = [
        f"{one_line(each.external_id, 60)} cannot be the name of an event"
        for each in collected.alerts
        if not _has_clean_id(each)
    ]
    problems = [one_line(each, LONGEST_PROBLEM) for each in collected.problems]
    return Collected(
        readings=readings,
        forecasts=forecasts,
        alerts=alerts,
        is_complete_alert_list=collected.is_complete_alert_list and not refused,
        problems=(*problems, *no_readings, *no_forecasts, *refused),
    )


def _values(values: tuple[V, ...]) -> tuple[tuple[V, ...], list[str]]:
    kept: list[V] = []
    problems: list[str] = []
    for each in values:
        zone = one_line(each.zone, LONGEST_ZONE)
        try:
            kept.append(
                replace(each, zone=zone, flag=one_line(each.flag, LONGEST_FLAG), starts_at=_utc(each.starts_at))
            )
        except OverflowError:
            problems.append(f"{zone}: a time outside of the calendar")
    return tuple(kept), problems


def _utc(moment: datetime) -> datetime:
    """The same moment; without an offset it stays as it is, to be doubted. Raises OverflowError."""
    return moment.astimezone(UTC) if moment.tzinfo else moment


def _has_clean_id(alert: CollectedAlert) -> bool:
    return bool(alert.external_id) and one_line(alert.external_id, LONGEST_EXTERNAL_ID) == alert.external_id


def _alert(alert: CollectedAlert) -> CollectedAlert:
    texts: dict[str, Any] = {name: one_line(getattr(alert, name), most) for name, most in LONGEST_OF_ALERT.items()}
    places = tuple(one_line(each, LONGEST_PLACE) for each in alert.places[:MOST_PLACES])
    return replace(alert, places=places, **texts)
