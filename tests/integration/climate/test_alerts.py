"""Keeping what disaster feeds say: every version, once, and what is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from climate.domain.alerts import AlertLevel
from climate.events import AlertsChanged, EmergencyChanged
from climate.models import Alert, AlertVersion, Emergency
from climate.selectors import (
    list_alerts,
)
from climate.services.reference import load_reference
from config.kernel import events
from tests.integration.climate.alert_examples import (
    FLOOD,
    NOW,
    ORANGE,
    TEN_MINUTES,
    in_force,
    keep,
    newer,
    the_alert,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def world(db):
    load_reference(now=NOW)


@pytest.fixture
def told(monkeypatch):
    """What was published, in order."""
    heard = []
    for kind in (AlertsChanged, EmergencyChanged):
        monkeypatch.setitem(events._subscribers, kind, [heard.append])
    return heard


def test_an_event_is_kept_once_with_every_version():
    assert keep(ORANGE) == 1
    assert keep(ORANGE, now=NOW + TEN_MINUTES) == 0
    assert keep(newer(ORANGE, title="Flood in Bangladesh, worse"), now=NOW + 2 * TEN_MINUTES) == 1
    alert = the_alert()
    assert (alert.title, alert.country_codes) == ("Flood in Bangladesh, worse", ["BD"])
    assert (alert.first_seen_at, alert.last_seen_at) == (NOW, NOW + 2 * TEN_MINUTES)
    assert [each.facts["title"] for each in alert.versions.all()] == [
        "Flood in Bangladesh, worse",
        "Flood in Bangladesh",
    ]


def test_an_older_version_is_passed_over():
    keep(newer(ORANGE))
    assert keep(replace(ORANGE, title="of yesterday"), now=NOW + TEN_MINUTES) == 0
    assert (the_alert().title, AlertVersion.objects.count()) == ("Flood in Bangladesh", 1)
    assert the_alert().last_seen_at == NOW + TEN_MINUTES


def test_of_an_event_that_we_put_together_other_content_is_a_version_and_another_time_is_none():
    ours = replace(ORANGE, is_put_together=True)
    keep(ours)
    assert keep(newer(ours), now=NOW + TEN_MINUTES) == 0
    assert keep(replace(ours, title="of an older list"), now=NOW + 2 * TEN_MINUTES) == 0
    assert keep(newer(ours, title="worse"), now=NOW + 3 * TEN_MINUTES) == 1
    assert [each.facts["title"] for each in the_alert().versions.all()] == ["worse", "Flood in Bangladesh"]


@pytest.mark.parametrize("said", [{"is_current": False}, {"level": AlertLevel.GREEN}])
def test_an_end_that_the_feed_tells_without_a_newer_time_is_taken_at_once(said):
    keep(FLOOD)
    over = replace(FLOOD, **said)
    assert keep(over, now=NOW + TEN_MINUTES) == 1
    assert keep(over, now=NOW + 2 * TEN_MINUTES) == 0
    assert in_force(NOW + TEN_MINUTES) == []
    versions = [(each.level, each.is_current, each.version_at) for each in the_alert().versions.all()]
    assert versions == [
        (over.level, over.is_current, NOW + TEN_MINUTES),
        (FLOOD.level, True, FLOOD.version_at),
    ]
    assert keep(newer(FLOOD), now=NOW + 3 * TEN_MINUTES) == 1  # The feed's own time is what later ones are newer than.


def test_of_two_versions_in_one_list_the_newer_counts():
    keep(newer(ORANGE, title="newer"), ORANGE)
    assert (the_alert().title, AlertVersion.objects.count()) == ("newer", 1)


def test_the_same_number_in_two_feeds_is_two_events():
    keep(ORANGE)
    keep(ORANGE, source="nws")
    assert Alert.objects.count() == 2


def test_countries_are_known_by_code_name_or_alias_and_unknown_ones_are_named():
    keep(replace(ORANGE, places=("bgd", "Viet Nam", "Iran", "Turkey", "DR Congo", "Off-shore", "Atlantis")))
    assert the_alert().country_codes == ["BD", "CD", "IR", "TR", "VN"]
    assert the_alert().unknown_places == ["Off-shore", "Atlantis"]
    assert list_alerts()[0].unknown_places == ("Off-shore", "Atlantis")


def test_an_event_off_shore_is_kept_and_lifts_nothing():
    keep(replace(FLOOD, places=("Off-shore",)))
    assert (Alert.objects.count(), Emergency.objects.count()) == (1, 0)


def test_words_too_long_or_unprintable_are_made_fit():
    keep(replace(ORANGE, title="x" * 400, severity_text="a\x00b\nc", glide="g" * 60))
    alert = the_alert()
    assert (len(alert.title), alert.severity_text, len(alert.glide)) == (300, "a b c", 40)


def test_an_event_that_two_complete_lists_lack_is_over_and_one_slip_ends_nothing():
    keep(FLOOD)
    keep(now=NOW + TEN_MINUTES)
    assert (the_alert().is_current, the_alert().missing_since) == (True, NOW + TEN_MINUTES)
    assert in_force(NOW + TEN_MINUTES) == ["Flood in Bangladesh"]
    assert keep(now=NOW + 2 * TEN_MINUTES) == 1
    assert not the_alert().is_current
    assert in_force(NOW + 2 * TEN_MINUTES) == []
    newest = the_alert().versions.first()
    assert (newest.version_at, newest.is_current) == (NOW + 2 * TEN_MINUTES, False)


def test_an_event_that_is_back_in_the_second_list_was_never_gone():
    keep(FLOOD)
    keep(now=NOW + TEN_MINUTES)
    keep(FLOOD, now=NOW + 2 * TEN_MINUTES)
    keep(now=NOW + 3 * TEN_MINUTES)
    assert the_alert().is_current
    assert AlertVersion.objects.count() == 1


def test_lists_that_are_not_complete_end_nothing():
    keep(FLOOD)
    for index in range(1, 4):
        keep(now=NOW + index * TEN_MINUTES, is_complete=False)
    assert the_alert().is_current
    assert the_alert().missing_since is None


def test_one_feed_ends_no_event_of_another():
    keep(FLOOD)
    for index in range(1, 4):
        keep(now=NOW + index * TEN_MINUTES, source="nws")
    assert the_alert().is_current


def test_an_event_that_returns_is_current_again_and_later_versions_still_count():
    keep(FLOOD)
    for index in (1, 2):
        keep(now=NOW + index * TEN_MINUTES)
    back = NOW + 3 * TEN_MINUTES
    assert keep(FLOOD, now=back) == 1
    assert the_alert().is_current
    assert in_force(back) == ["Flood in Bangladesh"]
    late = replace(FLOOD, version_at=NOW + timedelta(minutes=5), title="Flood, said while it was missing")
    assert keep(late, now=NOW + 4 * TEN_MINUTES) == 1
    assert the_alert().title == "Flood, said while it was missing"


def test_who_listens_is_told_of_what_changed_and_of_nothing_else(told, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        keep(FLOOD)
    alert, emergency = the_alert(), Emergency.objects.get()
    assert AlertsChanged(source="gdacs", alert_ids=(alert.pk,), at=NOW) in told
    assert EmergencyChanged(emergency_id=emergency.pk, at=NOW) in told
    told.clear()
    with django_capture_on_commit_callbacks(execute=True):
        keep(FLOOD, now=NOW + TEN_MINUTES)
    assert told == []


def test_keeping_many_known_events_costs_no_more_queries_than_keeping_few():
    def count(alerts):
        keep(*alerts)
        with CaptureQueriesContext(connection) as captured:
            keep(*alerts, now=NOW + TEN_MINUTES)
        return len(captured)

    few = count([replace(ORANGE, external_id=f"FL{number}", level=AlertLevel.GREEN) for number in range(2)])
    many = count([replace(ORANGE, external_id=f"FL{number}", level=AlertLevel.GREEN) for number in range(150)])
    assert many == few <= 14
