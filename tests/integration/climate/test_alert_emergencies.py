"""The emergencies that follow alerts by policy, with people deciding between."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from climate.domain.alerts import AlertLevel, EmergencyState
from climate.models import Alert, Emergency
from climate.selectors import (
    get_emergency,
    list_active_emergencies,
    list_alerts,
    list_emergencies,
    list_emergency_changes,
)
from climate.services.alert_emergencies import end_overdue_emergencies
from climate.services.emergencies import confirm_emergency, dismiss_emergency, lift_emergency
from climate.services.reference import load_reference
from config.kernel.errors import Conflict
from tests.integration.climate.alert_examples import (
    FLOOD,
    HOUR,
    NOW,
    ORANGE,
    TEN_MINUTES,
    in_force,
    keep,
    make_version,
    newer,
    terms,
    the_alert,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def world(db):
    load_reference(now=NOW)


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


def test_a_feed_that_wavers_ends_and_begins_one_emergency_instead_of_making_many():
    for turn in range(12):
        at = NOW + turn * TEN_MINUTES
        level = AlertLevel.GREEN if turn % 2 else AlertLevel.RED
        keep(newer(FLOOD, hours=turn / 60, level=level), now=at)
        assert in_force(at) == ([] if turn % 2 else ["Flood in Bangladesh"])
    assert Emergency.objects.get().history.count() == 12
    keep(newer(FLOOD), now=NOW + 30 * HOUR)
    assert Emergency.objects.count() == 2, "long over; this is another one"


def test_what_begins_again_follows_the_level_of_now():
    keep(FLOOD)
    keep(newer(FLOOD, level=AlertLevel.GREEN), now=NOW + TEN_MINUTES)
    keep(newer(FLOOD, hours=2, level=AlertLevel.ORANGE), now=NOW + HOUR)
    proposed = get_emergency(Emergency.objects.get().pk)
    assert (proposed.state, proposed.starts_at) == ("proposed", NOW + HOUR)
    assert proposed.ends_at == NOW + 25 * HOUR
    keep(newer(FLOOD, hours=3), now=NOW + 2 * HOUR)
    assert in_force(NOW + 2 * HOUR) == ["Flood in Bangladesh"]


def test_many_alerts_that_change_cost_no_more_queries_than_a_few():
    def queries(number, **changes):
        feed = [newer(replace(FLOOD, external_id=f"FL{each}"), **changes) for each in range(number)]
        with CaptureQueriesContext(connection) as asked:
            assert keep(*feed, now=NOW + changes["hours"] * TEN_MINUTES) == number
        return len(asked)

    few = [queries(2, hours=1), queries(2, hours=2, level=AlertLevel.GREEN), queries(2, hours=3)]
    Emergency.objects.all().delete()
    Alert.objects.all().delete()
    many = [queries(40, hours=4), queries(40, hours=5, level=AlertLevel.GREEN), queries(40, hours=6)]
    assert many == few
    changes = list_emergency_changes(Emergency.objects.order_by("pk")[39].pk)
    assert [each.state for each in changes] == ["active", "ended", "active"]
    assert all(each.change and each.change == each.reason[: len(each.change)] for each in changes)


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


def test_confirming_what_the_feed_let_run_out_is_refused():
    keep(ORANGE)
    emergency_id = Emergency.objects.get().pk
    with pytest.raises(Conflict, match="silent"):
        confirm_emergency(emergency_id=emergency_id, reason="Late.", by="person ada", now=NOW + 25 * HOUR)
    assert get_emergency(emergency_id).state == "proposed"
