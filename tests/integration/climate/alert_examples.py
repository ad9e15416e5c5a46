"""A flood as a feed tells of it, and the few words with which tests speak of alerts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from climate.domain.alerts import AlertLevel, CollectedAlert, DisasterKind
from climate.models import Alert, EmergencyPolicy
from climate.selectors import list_active_emergencies
from climate.services.alerts import keep_alerts
from climate.services.emergency_policies import create_emergency_policy_version

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
HOUR = timedelta(hours=1)
FLOOD = CollectedAlert(
    external_id="FL1103999",
    kind=DisasterKind.FLOOD,
    level=AlertLevel.RED,
    title="Flood in Bangladesh",
    places=("BD",),
    starts_at=NOW - 20 * HOUR,
    ends_at=NOW - 9 * HOUR,
    is_current=True,
    version_at=NOW - 4 * HOUR,
    severity_text="Magnitude 7.1",
)
ORANGE = replace(FLOOD, level=AlertLevel.ORANGE)


def keep(*alerts, now=NOW, is_complete=True, source="gdacs"):
    return keep_alerts(source=source, alerts=alerts, is_complete=is_complete, now=now)


def newer(alert, *, hours=1, **changes):
    return replace(alert, version_at=alert.version_at + hours * HOUR, **changes)


def the_alert():
    return Alert.objects.get(external_id="FL1103999")


def in_force(now=NOW):
    return [each.title for each in list_active_emergencies(now=now)]


def terms(**changes):
    body = json.loads(json.dumps(EmergencyPolicy.objects.first().terms))
    return {**body, **changes}


def make_version(body, **changes):
    values = {"terms": body, "rationale": "Tried.", "author_id": None, "now": NOW}
    return create_emergency_policy_version(**{**values, **changes})


BODY = {
    "kind": "flood",
    "title": "Flood in Sylhet",
    "countries": ["BD"],
    "purposes": ["disaster_response"],
    "multiplier": 5,
    "reason": "The Surma is 1.2 m over its mark.",
}
"""An emergency as it is declared over the API."""
