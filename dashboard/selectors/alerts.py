"""What the page of alerts shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from climate.domain.alerts import AlertFacts, EmergencyState
from climate.domain.places import EmergencyFacts
from climate.domain.providers import brings_intensity
from climate.domain.sources import SourceState
from climate.selectors import list_alerts, list_countries, list_emergencies, list_sources

MOST_ALERTS = 200
MOST_OPEN_EMERGENCIES = 200
MOST_PAST_EMERGENCIES = 50
MOST_PROPOSED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertBoard:
    """Emergencies by what became of them, and what the feeds hold current. Drills are among them.

    `alerts` are the gravest of the `current_alerts` that there are.
    """

    in_force: list[EmergencyFacts]
    announced: list[EmergencyFacts]
    proposed: list[EmergencyFacts]
    past: list[EmergencyFacts]
    alerts: list[AlertFacts]
    current_alerts: int
    feeds: list[SourceState]


def get_alert_board(*, now: datetime) -> AlertBoard:
    """Everything about disasters. Six queries."""
    open_states = (EmergencyState.ACTIVE, EmergencyState.PROPOSED)
    found = list_emergencies(states=open_states)[:MOST_OPEN_EMERGENCIES]
    active = [each for each in found if each.state == EmergencyState.ACTIVE]
    running_out = [each for each in active if each.ends_at is not None and each.ends_at <= now]
    closed = list_emergencies(states=(EmergencyState.ENDED, EmergencyState.DISMISSED))[:MOST_PAST_EMERGENCIES]
    alerts = list_alerts(gravest_first=True)
    return AlertBoard(
        in_force=[each for each in active if each.starts_at <= now and each not in running_out],
        announced=[each for each in active if each.starts_at > now],
        proposed=[each for each in found if each.state == EmergencyState.PROPOSED],
        past=[*running_out, *closed],
        alerts=list(alerts[:MOST_ALERTS]),
        current_alerts=len(alerts),
        feeds=[each for each in list_sources(now=now) if not brings_intensity(each.name)],
    )


def list_country_names() -> dict[str, str]:
    """Names of all countries by their codes. One query."""
    return {country.code: country.name for country in list_countries()}


def list_proposed() -> list[EmergencyFacts]:
    """Emergencies that wait for an operator, drills left out; the last hundred."""
    return list(list_emergencies(states=(EmergencyState.PROPOSED,), include_drills=False)[:MOST_PROPOSED])
