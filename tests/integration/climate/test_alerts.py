"""Keeping what disaster feeds say, and the emergencies that follow by policy."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from climate.domain.alerts import AlertLevel, CollectedAlert, DisasterKind, EmergencyState
from climate.events import AlertsChanged, EmergencyChanged
from climate.models import Alert, AlertVersion, Emergency, EmergencyPolicy
from climate.selectors import (
    get_emergency,
    list_active_emergencies,
    list_alerts,
    list_emergencies,
    list_emergency_changes,
)
from climate.services.alert_emergencies import end_overdue_emergencies
from climate.services.alerts import keep_alerts
from climate.services.emergencies import confirm_emergency, dismiss_emergency, lift_emergency
from climate.services.emergency_policies import create_emergency_policy_version
from climate.services.reference import load_reference
from config.kernel import events
from config.kernel.errors import Conflict, InvalidInput

pytestmark = pytest.mark.django_db
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


def keep(*alerts, now=NOW, is_complete=True, source="gdacs"):
    return keep_alerts(source=source, alerts=alerts, is_complete=is_complete, now=now)


def newer(alert, *, hours=1, **changes):
    return replace(alert, version_at=alert.version_at + hours * HOUR, **changes)


def the_alert():
    return Alert.objects.get(external_id="FL1103999")


def in_force(now=NOW):
    return [each.title for each in list_active_emergencies(now=now)]


# --- keeping ---------------------------------------------------------------------------------


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


# --- emergencies by policy -------------------------------------------------------------------


def test_red_is_in_force_at_once_with_the_policys_terms():
    keep(FLOOD)
    emergency = list_active_emergencies(now=NOW)[0]
    assert (emergency.kind, emergency.country_codes, emergency.multiplier) == ("flood", ("BD",), 5.0)
    assert emergency.purposes == ("disaster_response", "climate_adaptation")
    assert (emergency.policy_version, emergency.alert_id, emergency.decided_by) == (1, the_alert().pk, "")
    assert emergency.reason == "flood alert FL1103999 is red for BD: policy version 1 declares an emergency."
    assert (emergency.starts_at, emergency.ends_at) == (NOW, NOW + 24 * HOUR)
    assert list_alerts()[0].emergency_state == "active"


def test_orange_waits_and_a_person_confirms():
    keep(ORANGE)
    assert in_force() == []
    proposed = list_emergencies(states=[EmergencyState.PROPOSED])[0]
    confirm_emergency(emergency_id=proposed.id, reason="Sylhet reports 2 m.", by="person ada", now=NOW + HOUR)
    assert in_force(NOW + HOUR) == ["Flood in Bangladesh"]
    assert in_force(NOW) == [], "it is in force since it was confirmed, not since it was proposed"
    confirmed = get_emergency(proposed.id)
    assert (confirmed.decided_by, confirmed.reason) == ("person ada", "Sylhet reports 2 m.")
    assert [each.change for each in list_emergency_changes(proposed.id)] == [
        "confirmed: Sylhet reports 2 m.",
        "flood alert FL1103999 is orange for BD: policy version 1 proposes an emergency and a person decides.",
    ]


def test_what_was_confirmed_ends_with_its_event_unless_it_is_kept():
    keep(ORANGE, replace(ORANGE, external_id="FL2", title="kept"))
    for each in list_emergencies():
        confirm_emergency(emergency_id=each.id, reason="Yes.", by="person ada", now=NOW, keep=each.title == "kept")
    over = [newer(each, is_current=False) for each in (ORANGE, replace(ORANGE, external_id="FL2", title="kept"))]
    keep(*over, now=NOW + HOUR)
    assert in_force(NOW + 1000 * HOUR) == ["kept"]


def test_what_was_dismissed_stays_away_until_the_level_rises():
    keep(ORANGE)
    dismiss_emergency(emergency_id=Emergency.objects.get().pk, reason="A drill.", by="person ada", now=NOW)
    keep(newer(ORANGE), now=NOW + HOUR)
    assert Emergency.objects.count() == 1
    keep(newer(ORANGE, hours=2, level=AlertLevel.RED), now=NOW + 2 * HOUR)
    assert in_force(NOW + 2 * HOUR) == ["Flood in Bangladesh"]
    assert sorted(Emergency.objects.values_list("state", flat=True)) == ["active", "dismissed"]


def test_what_was_lifted_is_not_raised_again_at_the_same_level():
    keep(FLOOD)
    lift_emergency(emergency_id=Emergency.objects.get().pk, reason="The water fell.", by="person ada", now=NOW + HOUR)
    keep(newer(FLOOD), now=NOW + 2 * HOUR)
    keep(newer(FLOOD, hours=2, level=AlertLevel.ORANGE), now=NOW + 3 * HOUR)
    assert [each.state for each in Emergency.objects.all()] == ["ended"]


def test_what_was_lifted_while_the_level_was_unknown_is_not_raised_again_at_the_level_before():
    keep(FLOOD)
    keep(newer(FLOOD, level=AlertLevel.UNKNOWN), now=NOW + TEN_MINUTES)
    lift_emergency(emergency_id=Emergency.objects.get().pk, reason="False alarm.", by="ada", now=NOW + TEN_MINUTES)
    keep(newer(FLOOD, hours=2), now=NOW + 2 * TEN_MINUTES)
    assert in_force(NOW + 2 * TEN_MINUTES) == []
    assert Emergency.objects.get().alert_level == AlertLevel.RED


def test_a_level_that_was_unknown_when_a_person_was_asked_again_does_not_make_red_a_rise():
    make_version(terms(longest_hours=24))
    keep(FLOOD)
    for hour in range(1, 27):
        at = NOW + hour * HOUR
        end_overdue_emergencies(now=at)
        keep(newer(FLOOD, hours=hour, level=AlertLevel.UNKNOWN), now=at)
    assert Emergency.objects.get().state == EmergencyState.PROPOSED
    keep(newer(FLOOD, hours=27), now=NOW + 27 * HOUR)
    assert Emergency.objects.get().state == EmergencyState.PROPOSED


def test_a_proposal_rises_with_its_alert_and_falls_with_it():
    keep(ORANGE)
    keep(newer(FLOOD), now=NOW + HOUR)
    assert in_force(NOW + HOUR) == ["Flood in Bangladesh"]
    keep(newer(ORANGE, hours=2), now=NOW + 2 * HOUR)
    assert in_force(NOW + 2 * HOUR) == ["Flood in Bangladesh"], "red to orange changes no weight"
    keep(newer(ORANGE, hours=3, level=AlertLevel.GREEN), now=NOW + 3 * HOUR)
    assert in_force(NOW + 3 * HOUR) == []
    ended = get_emergency(Emergency.objects.get().pk)
    assert (ended.state, ended.ends_at) == ("ended", NOW + 3 * HOUR)
    assert "is green now" in ended.reason


def test_it_lasts_while_the_feed_goes_on_and_its_history_stays_short():
    now = NOW
    for _ in range(60):
        keep(FLOOD, now=now)
        assert in_force(now) == ["Flood in Bangladesh"]
        now += HOUR
    assert 5 <= len(list_emergency_changes(Emergency.objects.get().pk)) <= 6


def test_it_spreads_with_its_event():
    keep(FLOOD)
    keep(newer(FLOOD, places=("BD", "IN")), now=NOW + HOUR)
    assert list_active_emergencies(now=NOW + HOUR)[0].country_codes == ("BD", "IN")


def test_a_silent_feed_ends_it_after_a_day_and_the_row_follows():
    keep(FLOOD)
    assert in_force(NOW + 23 * HOUR) == ["Flood in Bangladesh"]
    late = NOW + 24 * HOUR
    assert in_force(late) == []
    assert end_overdue_emergencies(now=late) == 1
    ended = get_emergency(Emergency.objects.get().pk)
    assert ended.state == "ended"
    assert "GDACS has said nothing" in ended.reason
    assert end_overdue_emergencies(now=late) == 0
    keep(FLOOD, now=late + HOUR)
    assert in_force(late + HOUR) == ["Flood in Bangladesh"], "the feed is back and so is the flood"


def test_a_red_alert_stands_for_months_while_the_feed_says_so():
    now = NOW
    for _ in range(80):
        keep(FLOOD, now=now)
        assert in_force(now) == ["Flood in Bangladesh"]
        now += 20 * HOUR


def test_after_the_longest_time_of_a_policy_a_person_is_asked_again():
    make_version(terms(longest_hours=720))
    keep(FLOOD)
    late = NOW + 720 * HOUR
    Alert.objects.update(last_seen_at=late)
    end_overdue_emergencies(now=late - HOUR)
    assert in_force(late - HOUR) == ["Flood in Bangladesh"], "the event goes on"
    end_overdue_emergencies(now=late)
    asked = get_emergency(Emergency.objects.get().pk)
    assert (asked.state, in_force(late)) == ("proposed", [])
    assert "720 hours" in asked.reason
    keep(newer(FLOOD), now=late + HOUR)
    assert in_force(late + HOUR) == []
    confirm_emergency(emergency_id=asked.id, reason="Still deep.", by="person ada", now=late + 2 * HOUR)
    keep(FLOOD, now=late + 20 * HOUR)
    assert in_force(late + 20 * HOUR) == ["Flood in Bangladesh"]


# --- the policy ------------------------------------------------------------------------------


def terms(**changes):
    body = json.loads(json.dumps(EmergencyPolicy.objects.first().terms))
    return {**body, **changes}


def make_version(body, **changes):
    values = {"terms": body, "rationale": "Tried.", "author_id": None, "now": NOW}
    return create_emergency_policy_version(**{**values, **changes})


def test_a_new_version_reads_the_next_list():
    body = terms()
    body["kinds"]["flood"] |= {"orange": "activate", "multiplier": 2}
    assert make_version(body) == 2
    keep(ORANGE)
    emergency = list_active_emergencies(now=NOW)[0]
    assert (emergency.multiplier, emergency.policy_version) == (2.0, 2)


def test_a_source_that_the_policy_does_not_count_is_kept_and_lifts_nothing():
    make_version(terms(sources=["nws"]))
    keep(FLOOD)
    assert (Alert.objects.count(), Emergency.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"terms": {}}, "terms.sources"),
        ({"terms": []}, "terms"),
        ({"rationale": " "}, "rationale"),
    ],
)
def test_a_version_that_cannot_be_meant_is_refused_and_none_is_made(changes, field):
    with pytest.raises(InvalidInput) as refused:
        make_version(**{"body": terms(), **changes} if "terms" not in changes else {"body": changes["terms"]})
    assert refused.value.field == field
    assert EmergencyPolicy.objects.count() == 1


def test_a_version_names_sources_that_there_are():
    with pytest.raises(InvalidInput, match="nowhere") as refused:
        make_version(terms(sources=["gdacs", "nowhere"]))
    assert refused.value.field == "terms.sources"


def test_the_shipped_version_is_added_once_and_never_over_another():
    make_version(terms(lasts_hours=48))
    assert load_reference(now=NOW)["emergency_policies"] == 0
    assert EmergencyPolicy.objects.count() == 2
    first = EmergencyPolicy.objects.get(version=1)
    assert first.author is None
    assert first.rationale


def test_before_the_reference_data_is_loaded_alerts_are_kept_and_lift_nothing():
    EmergencyPolicy.objects.all().delete()
    keep(FLOOD)
    assert (Alert.objects.count(), Emergency.objects.count()) == (1, 0)


def test_confirming_what_the_feed_let_run_out_is_refused():
    keep(ORANGE)
    emergency_id = Emergency.objects.get().pk
    with pytest.raises(Conflict, match="silent"):
        confirm_emergency(emergency_id=emergency_id, reason="Late.", by="person ada", now=NOW + 25 * HOUR)
    assert get_emergency(emergency_id).state == "proposed"
