"""The terms on which alerts become emergencies, and what they make of an alert."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from climate.domain.alert_decision import AlertNow, OpenEmergency, Step, decide
from climate.domain.alerts import AlertLevel, DisasterKind, EmergencyState
from climate.domain.country_words import codes_of, plain
from climate.domain.emergency_policy import Answer, EmergencyPolicyError, read_emergency_terms

SHIPPED = json.loads((Path(__file__).parents[3] / "climate/data/emergency_policy.json").read_text())
TERMS = read_emergency_terms(SHIPPED, version=7)
CAPPED = replace(TERMS, longest_hours=720)
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
GREEN, ORANGE, RED, UNKNOWN = AlertLevel.GREEN, AlertLevel.ORANGE, AlertLevel.RED, AlertLevel.UNKNOWN
FLOOD = AlertNow(
    name="flood alert FL1",
    source="gdacs",
    kind=DisasterKind.FLOOD,
    level=RED,
    country_codes=("BD",),
    is_current=True,
    ends_at=None,
    last_seen_at=NOW,
)
ACTIVE = OpenEmergency(
    state=EmergencyState.ACTIVE,
    level=RED,
    country_codes=("BD",),
    ends_at=NOW + 24 * HOUR,
    decided_at=NOW,
    is_confirmed=False,
    is_kept_by_person=False,
)
PROPOSED = replace(ACTIVE, state=EmergencyState.PROPOSED, level=ORANGE)


def verdict(alert=FLOOD, stands=None, refused_at=None, now=NOW, terms=TERMS):
    return decide(alert, stands=stands, refused_at=refused_at, terms=terms, now=now)


def step(*args, **changes):
    return verdict(*args, **changes).step


# --- terms ---------------------------------------------------------------------------------


def test_the_shipped_terms_are_those_of_the_domain_document():
    multipliers = {kind.value: TERMS.kinds[kind].multiplier for kind in DisasterKind}
    assert multipliers == {
        "flood": 5,
        "cyclone": 5,
        "wildfire": 4,
        "drought": 3,
        "earthquake": 3,
        "volcano": 3,
        "heatwave": 3,
        "other": 3,
    }
    assert TERMS.purposes == ("disaster_response", "climate_adaptation")
    red = {kind for kind in DisasterKind if TERMS.kinds[kind].answers[RED] is Answer.ACTIVATE}
    assert red == set(DisasterKind) - {DisasterKind.HEATWAVE, DisasterKind.OTHER}
    orange = {kind for kind in DisasterKind if TERMS.kinds[kind].answers[ORANGE] is Answer.PROPOSE}
    assert orange == set(DisasterKind) - {DisasterKind.OTHER}
    for level in (GREEN, UNKNOWN):
        assert {TERMS.kinds[kind].answers[level] for kind in DisasterKind} == {Answer.IGNORE}


def changed(path, value):
    terms = copy.deepcopy(SHIPPED)
    *above, leaf = path.split(".")
    place = terms
    for name in above:
        place = place[name]
    place[leaf] = value
    return terms


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("kinds.flood.red", "panic"),
        ("kinds.flood.red", None),
        ("kinds.flood.multiplier", 0.5),
        ("kinds.flood.multiplier", 101),
        ("kinds.flood.multiplier", True),
        ("kinds.flood.multiplier", "5"),
        ("kinds.flood.multiplier", float("nan")),
        ("kinds.flood.purple", "ignore"),
        ("kinds.plague", {}),
        ("kinds.flood", "activate"),
        ("kinds", []),
        ("sources", "gdacs"),
        ("sources", ["gdacs", "gdacs"]),
        ("sources", ["GDACS!"]),
        ("purposes", []),
        ("purposes", [1]),
        ("lasts_hours", 0),
        ("longest_hours", 8761),
        ("longest_hours", 0),
        ("longest_hours", "never"),
        ("bonus", 1),
    ],
)
def test_terms_that_cannot_be_meant_are_refused_by_name(path, value):
    with pytest.raises(EmergencyPolicyError) as refused:
        read_emergency_terms(changed(path, value), version=1)
    assert refused.value.key == path


@pytest.mark.parametrize("path", ["sources", "kinds.flood", "kinds.flood.unknown", "kinds.other.multiplier"])
def test_a_missing_term_is_refused_by_name(path):
    terms = copy.deepcopy(SHIPPED)
    *above, leaf = path.split(".")
    place = terms
    for name in above:
        place = place[name]
    del place[leaf]
    with pytest.raises(EmergencyPolicyError, match="is missing") as refused:
        read_emergency_terms(terms, version=1)
    assert refused.value.key == path


@pytest.mark.parametrize("terms", [None, [], "x"])
def test_terms_are_a_json_object(terms):
    with pytest.raises(EmergencyPolicyError, match="not a JSON object"):
        read_emergency_terms(terms, version=1)


# --- beginning ------------------------------------------------------------------------------


def test_red_is_declared_and_says_why_and_until_when():
    found = verdict()
    assert found.step is Step.ACTIVATE
    assert found.reason == "flood alert FL1 is red for BD: policy version 7 declares an emergency."
    assert found.ends_at == NOW + 24 * HOUR


def test_orange_is_proposed_and_waits_for_a_person():
    found = verdict(replace(FLOOD, level=ORANGE))
    assert found.step is Step.PROPOSE
    assert "a person decides" in found.reason


@pytest.mark.parametrize(
    "change",
    [
        {"level": GREEN},
        {"level": UNKNOWN},
        {"source": "somebody"},
        {"kind": DisasterKind.OTHER},
        {"is_current": False},
        {"country_codes": ()},
        {"last_seen_at": NOW - 24 * HOUR},
    ],
)
def test_nothing_follows_from_an_alert_that_is_light_unheeded_over_nowhere_or_old(change):
    assert step(replace(FLOOD, **change)) is Step.NOTHING


def test_an_end_that_the_feed_foresees_is_added_to():
    assert verdict(replace(FLOOD, ends_at=NOW + 50 * HOUR)).ends_at == NOW + 74 * HOUR


def test_no_policy_declares_for_longer_than_the_longest_time():
    foreseen = replace(FLOOD, ends_at=NOW + 5000 * HOUR)
    assert verdict(foreseen, terms=CAPPED).ends_at == NOW + 720 * HOUR
    assert verdict(foreseen).ends_at == NOW + 5024 * HOUR, "the shipped terms have no longest time"


def test_the_shipped_terms_let_a_red_alert_stand_for_as_long_as_the_feed_says_so():
    assert TERMS.longest_hours is None
    stands, asked = ACTIVE, NOW
    for _ in range(100):
        asked += 20 * HOUR
        found = verdict(replace(FLOOD, last_seen_at=asked), stands, now=asked)
        assert (found.step, found.ends_at) == (Step.EXTEND, asked + 24 * HOUR)
        stands = replace(stands, ends_at=found.ends_at)


@pytest.mark.parametrize(
    ("refused_at", "level", "expected"),
    [
        (RED, RED, Step.NOTHING),
        (ORANGE, ORANGE, Step.NOTHING),
        (RED, ORANGE, Step.NOTHING),
        (ORANGE, RED, Step.ACTIVATE),
        (GREEN, ORANGE, Step.PROPOSE),
    ],
)
def test_what_a_person_refused_comes_back_only_when_it_is_graver(refused_at, level, expected):
    assert step(replace(FLOOD, level=level), refused_at=refused_at) is expected


# --- what stands ----------------------------------------------------------------------------


def test_it_ends_when_the_feed_says_so():
    found = verdict(replace(FLOOD, is_current=False), ACTIVE)
    assert (found.step, found.reason) == (Step.END, "GDACS says that flood alert FL1 is over.")


def test_an_event_that_left_the_list_is_not_said_to_be_called_over_by_the_feed():
    found = verdict(replace(FLOOD, is_current=False, is_listed=False), ACTIVE)
    assert (found.step, found.reason) == (Step.END, "GDACS no longer lists flood alert FL1.")


def test_it_ends_when_the_feed_is_silent_for_as_long_as_its_word_holds():
    quiet = replace(FLOOD, last_seen_at=NOW - 24 * HOUR)
    assert step(quiet, ACTIVE) is Step.END
    assert step(quiet, ACTIVE, now=NOW - timedelta(seconds=1)) is not Step.END


def test_a_fall_from_red_to_orange_does_not_end_it_and_one_to_green_does():
    assert step(replace(FLOOD, level=ORANGE), ACTIVE) is Step.NOTHING
    assert step(replace(FLOOD, level=GREEN), ACTIVE) is Step.END


def test_an_unknown_level_is_no_news():
    assert step(replace(FLOOD, level=UNKNOWN), ACTIVE) is Step.NOTHING
    assert step(replace(FLOOD, level=UNKNOWN), PROPOSED) is Step.NOTHING


def test_what_a_person_confirmed_outlives_a_fall_to_green_but_not_the_event():
    confirmed = replace(ACTIVE, level=ORANGE, is_confirmed=True)
    assert step(replace(FLOOD, level=GREEN), confirmed) is Step.NOTHING
    assert step(replace(FLOOD, is_current=False), confirmed) is Step.END


def test_what_a_person_keeps_the_feed_does_not_touch():
    kept = replace(ACTIVE, is_kept_by_person=True)
    assert step(replace(FLOOD, is_current=False, level=GREEN), kept) is Step.NOTHING


def test_a_proposal_whose_alert_rises_to_red_needs_no_person():
    found = verdict(FLOOD, PROPOSED)
    assert found.step is Step.UPGRADE
    assert found.reason == "flood alert FL1 rose from orange to red: policy version 7 declares it."


def test_a_proposal_is_withdrawn_when_its_alert_falls_to_green():
    assert step(replace(FLOOD, level=GREEN), PROPOSED) is Step.END


def test_it_is_extended_once_half_of_its_time_has_passed():
    later = NOW + 11 * HOUR
    assert step(replace(FLOOD, last_seen_at=later), ACTIVE, now=later) is Step.NOTHING
    later = NOW + 12 * HOUR
    found = verdict(replace(FLOOD, last_seen_at=later), ACTIVE, now=later)
    assert (found.step, found.ends_at) == (Step.EXTEND, NOW + 36 * HOUR)


def test_a_spread_to_another_country_is_taken_over_at_once():
    found = verdict(replace(FLOOD, country_codes=("BD", "IN")), ACTIVE)
    assert (found.step, found.ends_at) == (Step.EXTEND, NOW + 24 * HOUR)
    assert "now in BD, IN" in found.reason
    assert step(replace(FLOOD, country_codes=()), ACTIVE) is Step.NOTHING, (
        "a feed that forgets the country says nothing"
    )


def test_after_the_longest_time_it_waits_for_a_person_and_is_not_declared_again_by_itself():
    later = NOW + 720 * HOUR
    going_on = replace(FLOOD, last_seen_at=later)
    found = verdict(going_on, ACTIVE, now=later, terms=CAPPED)
    assert found.step is Step.PROPOSE_AGAIN
    assert "720 hours" in found.reason
    waiting = replace(ACTIVE, state=EmergencyState.PROPOSED, decided_at=later, ends_at=later + 24 * HOUR)
    assert step(going_on, waiting, now=later, terms=CAPPED) is Step.NOTHING


def test_an_extension_stops_at_the_longest_time():
    later = NOW + 710 * HOUR
    stands = replace(ACTIVE, ends_at=later + HOUR)
    found = verdict(replace(FLOOD, last_seen_at=later), stands, now=later, terms=CAPPED)
    assert found.ends_at == NOW + 720 * HOUR


@given(
    level=st.sampled_from(AlertLevel),
    is_current=st.booleans(),
    hours=st.integers(0, 2000),
    state=st.sampled_from([None, EmergencyState.ACTIVE, EmergencyState.PROPOSED]),
    kind=st.sampled_from(DisasterKind),
)
def test_whatever_is_declared_ends_within_bounds_and_says_why(level, is_current, hours, state, kind):
    now = NOW + hours * HOUR
    alert = replace(FLOOD, level=level, is_current=is_current, kind=kind, last_seen_at=now)
    stands = replace(ACTIVE, state=state) if state else None
    found = verdict(alert, stands, now=now, terms=CAPPED)
    if found.step is not Step.NOTHING:
        assert found.reason
    if found.step in (Step.ACTIVATE, Step.UPGRADE):
        assert is_current
        assert now < found.ends_at <= now + 720 * HOUR
    if found.step is Step.EXTEND:
        assert found.ends_at > now


# --- countries ------------------------------------------------------------------------------

KNOWN = {plain(words): code for words, code in [("Bangladesh", "BD"), ("BGD", "BD"), ("BD", "BD"), ("Türkiye", "TR")]}


@pytest.mark.parametrize("words", ["Bangladesh", " BANGLADESH ", "bgd", "bd", "The Bangladesh"])
def test_a_country_is_known_by_its_codes_and_name_however_written(words):
    assert codes_of([words], KNOWN) == (["BD"], [])


def test_accents_do_not_matter_and_what_is_not_known_is_named():
    assert codes_of(["Turkiye", "BD", "Bangladesh", "Off-shore", "Off-shore", " "], KNOWN) == (
        ["BD", "TR"],
        ["Off-shore"],
    )
