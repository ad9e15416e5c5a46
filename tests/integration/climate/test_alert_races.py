"""Several workers keep the same feed at once, and people decide meanwhile: one alert, one version, one emergency."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection

from climate.domain.alerts import AlertLevel
from climate.models import Alert, AlertVersion, Emergency
from climate.services.alerts import keep_alerts
from climate.services.emergencies import confirm_emergency, dismiss_emergency
from climate.services.reference import load_reference
from config.kernel.errors import Conflict
from tests.integration.climate.alert_examples import FLOOD, NOW, newer

pytestmark = pytest.mark.django_db(transaction=True)
MANY = [replace(FLOOD, external_id=f"FL{number}") for number in range(12)]


@pytest.fixture(autouse=True)
def world(transactional_db):
    load_reference(now=NOW)


def at_once(calls):
    def run(call):
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(run, calls))


def test_the_same_list_kept_by_many_at_once_is_kept_once():
    changed = at_once([lambda: keep_alerts(source="gdacs", alerts=MANY, is_complete=True, now=NOW)] * 8)
    assert sorted(changed) == [0] * 7 + [12]
    assert (Alert.objects.count(), AlertVersion.objects.count(), Emergency.objects.count()) == (12, 12, 12)
    assert Emergency.history.count() == 12


def test_of_versions_that_arrive_in_any_order_the_newest_stands():
    lists = [[newer(each, hours=hours, title=f"version {hours}") for each in MANY] for hours in (3, 1, 4, 2)]
    at_once(
        [
            lambda alerts=alerts: keep_alerts(source="gdacs", alerts=alerts, is_complete=True, now=NOW)
            for alerts in lists
        ]
    )
    assert set(Alert.objects.values_list("title", flat=True)) == {"version 4"}
    assert Emergency.objects.count() == 12


def test_of_many_who_decide_on_one_proposal_the_first_counts():
    orange = replace(FLOOD, level=AlertLevel.ORANGE)
    keep_alerts(source="gdacs", alerts=[orange], is_complete=True, now=NOW)
    emergency_id = Emergency.objects.get().pk

    def decide(index):
        service = dismiss_emergency if index % 2 else confirm_emergency
        try:
            service(emergency_id=emergency_id, reason="I say so.", by=f"person {index}", now=NOW + timedelta(minutes=1))
        except Conflict:
            return "refused"
        return service.__name__

    at_once([lambda index=index: decide(index) for index in range(8)])
    states = list(Emergency.history.order_by("history_id").values_list("state", flat=True))
    assert states[0] == "proposed"
    after_dismissal = states[states.index("dismissed") + 1 :] if "dismissed" in states else []
    assert after_dismissal == [], "nobody confirms what was dismissed"
    assert Emergency.objects.get().state == states[-1]


def test_an_emergency_that_is_confirmed_while_the_feed_is_kept_stays_one():
    orange = replace(FLOOD, level=AlertLevel.ORANGE)
    keep_alerts(source="gdacs", alerts=[orange], is_complete=True, now=NOW)
    emergency_id = Emergency.objects.get().pk
    later = NOW + timedelta(minutes=10)
    calls = [lambda: keep_alerts(source="gdacs", alerts=[newer(FLOOD)], is_complete=True, now=later)] * 4
    calls += [lambda: confirm_emergency(emergency_id=emergency_id, reason="Yes.", by="person ada", now=later)] * 4
    at_once(calls)
    assert [each.state for each in Emergency.objects.all()] == ["active"]
    assert (Alert.objects.count(), AlertVersion.objects.count()) == (1, 2)
