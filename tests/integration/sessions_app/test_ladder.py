"""The ladder on a window: what fires, what it does, and what it leaves alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.kernel.errors import Conflict
from sessions_app.domain.windows import percent_of
from sessions_app.domain.words import Component, ItemKind, Phase, Protocol, Rung
from sessions_app.models import Archive, Checkpoint, ContextItem, Event, Handoff, Instance, Session, StateItem
from sessions_app.selectors.handoffs import list_unfinished_handoffs
from sessions_app.selectors.policies import terms_of
from sessions_app.services.handoffs import abort_handoff, arm_due, carry_on
from sessions_app.services.log import Writer, locked, patch_state
from sessions_app.services.windows.items import ItemAsk, load_items
from sessions_app.services.windows.ladder import climb, floor_tokens
from sessions_app.services.windows.sizes import set_components, window_of
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.sessions_app.handing import begin
from tests.integration.world import NOW, Team, load_world, make_team, undone

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def team() -> Team:
    load_world()
    return make_team()


def fill(session_id: Any, tokens: int, *, agent: str = "ann", now: Any = NOW) -> list[Rung]:
    """Let the working memory of an agent hold so many tokens, in no item."""
    session = locked(session_id)
    instance = instance_of(session_id, agent)
    set_components(instance, {"working_memory": tokens})
    return climb(session, instance, actor="key test", now=now)


def load(team: Team, session_id: Any, *tokens: int, agent: str = "ann", now: Any = NOW, **changes: Any) -> None:
    """So many debug outputs, each of so many tokens, that a cleanup takes out after two hours."""
    values = {"component": Component.WORKING_MEMORY, "kind": ItemKind.DEBUG, **changes}
    items = [ItemAsk(key=f"out-{at}-{each}", tokens=each, **values) for at, each in enumerate(tokens)]
    load_items(
        session_id=session_id,
        team_id=team.team_id,
        agent=agent,
        epoch=1,
        items=items,
        actor="key test",
        now=now,
    )


def rungs_of(session_id: Any) -> list[str]:
    """The rungs that fired, in the order of the log."""
    events = Event.objects.filter(session=session_id, kind="rung.reached").order_by("seq")
    return [event.facts["rung"] for event in events]


def test_a_warning_is_an_event_and_nothing_else_and_comes_once(team):
    session_id = open_desk(team, "ann")
    assert fill(session_id, 6_499) == []
    assert fill(session_id, 6_500) == [Rung.WARN]
    assert fill(session_id, 6_600) == []
    assert fill(session_id, 6_001) == []
    assert fill(session_id, 6_500) == []
    assert rungs_of(session_id) == ["warn"]
    event = Event.objects.get(session=session_id, kind="rung.reached")
    assert event.facts["occupancy_percent"] == 75.0
    assert not Checkpoint.objects.exists()
    assert not Handoff.objects.exists()


def test_a_rung_is_armed_again_five_points_lower(team):
    session_id = open_desk(team, "ann")
    fill(session_id, 6_500)
    assert fill(session_id, 6_000) == []
    assert fill(session_id, 6_500) == [Rung.WARN]
    assert rungs_of(session_id) == ["warn", "warn"]


def test_at_eighty_percent_the_least_salient_state_leaves_the_hot_tier(team):
    session_id = open_desk(team, "ann")
    delta = {"tasks": {f"t{number}": {"text": "words " * 20} for number in range(8)}}
    patch_state(
        session_id=session_id,
        team_id=team.team_id,
        base_seq=session_of(session_id).head_seq,
        format="merge",
        delta=delta,
        writer=Writer(actor="key test"),
        now=NOW,
    )
    assert fill(session_id, 7_000) == [Rung.WARN, Rung.OFFLOAD]
    assert set(StateItem.objects.values_list("tier", flat=True)) == {"hot", "warm"}
    assert not Handoff.objects.exists()


def test_at_eighty_five_percent_a_checkpoint_is_made_and_what_is_old_is_archived_and_freed(team):
    session_id = open_desk(team, "ann")
    load(team, session_id, 1_000, 1_000, 1_000)
    session = locked(session_id)
    instance = instance_of(session_id, "ann")
    set_components(instance, {"interaction": 4_600})
    fired = climb(session, instance, actor="key test", now=NOW + 3 * HOUR)
    assert fired == [Rung.WARN, Rung.OFFLOAD, Rung.CHECKPOINT]
    assert Checkpoint.objects.get().reason == "threshold"
    assert instance_of(session_id, "ann").context_tokens == 5_600  # a fifth of the window and no more than needed
    assert Archive.objects.filter(kind="item").count() == 2
    assert not Handoff.objects.exists()
    assert instance_of(session_id, "ann").fired_rungs == []


def test_where_too_little_can_be_freed_a_handoff_is_prepared(team):
    session_id = open_desk(team, "ann")
    assert fill(session_id, 7_500) == [Rung.WARN, Rung.OFFLOAD, Rung.CHECKPOINT]
    handoff = Handoff.objects.get()
    assert (handoff.protocol, handoff.phase) == (Protocol.GRACEFUL, Phase.PREPARING)
    assert instance_of(session_id, "ann").context_tokens == 7_500


def test_at_ninety_five_percent_the_emergency_protocol_takes_over(team):
    session_id = open_desk(team, "ann")
    fill(session_id, 7_500)
    assert fill(session_id, 8_500) == [Rung.REFUSE, Rung.EMERGENCY]
    assert Handoff.objects.get().protocol == Protocol.EMERGENCY


def give_up(session_id: Any, *, now: Any) -> Handoff:
    """Let the newest handoff of a session run out of time."""
    handoff = Handoff.objects.filter(session=session_id).latest("number")
    assert carry_on(handoff_id=handoff.pk, now=now) == Phase.ABORTED
    return handoff


def test_an_emergency_that_was_left_alone_for_too_long_begins_again_with_the_next_report(team):
    session_id = open_desk(team, "ann", "ben")
    fill(session_id, 9_000)
    later = NOW + timedelta(seconds=306)
    give_up(session_id, now=later)
    aborted = Event.objects.get(session=session_id, kind="handoff.aborted")
    assert (aborted.facts["why"], aborted.facts["rest_seconds"]) == ("Time is over while preparing.", 0)
    assert Rung.EMERGENCY in fill(session_id, 9_000, now=later)
    again = Handoff.objects.get(number=2)
    assert (again.protocol, again.phase) == (Protocol.EMERGENCY, Phase.PREPARING)
    assert carry_on(handoff_id=again.pk, now=later) == Phase.COMPLETE


def test_a_handoff_that_nobody_voted_on_begins_again_and_a_third_one_after_a_rest(team):
    session_id = open_desk(team, "ann")
    fill(session_id, 7_500)
    carry_on(handoff_id=Handoff.objects.get().pk, now=NOW)
    first, second = NOW + timedelta(seconds=60), NOW + timedelta(seconds=120)
    give_up(session_id, now=first)
    assert fill(session_id, 7_500, now=first) == [Rung.CHECKPOINT]
    give_up(session_id, now=second)
    assert fill(session_id, 7_500, now=second) == [], "two have failed in a row"
    assert arm_due(now=second + timedelta(seconds=59)) == 0
    assert arm_due(now=second + timedelta(seconds=60)) == 1
    assert arm_due(now=second + timedelta(seconds=60)) == 0
    assert fill(session_id, 7_500, now=second + timedelta(seconds=60)) == [Rung.CHECKPOINT]
    assert Handoff.objects.latest("number").number == 3


def test_a_window_that_stays_full_while_nobody_votes_brings_no_storm_of_handoffs(team):
    session_id = open_desk(team, "ann")
    for seconds in range(0, 3 * 3600, 10):
        now = NOW + timedelta(seconds=seconds)
        for handoff_id in list_unfinished_handoffs():
            carry_on(handoff_id=handoff_id, now=now)
        arm_due(now=now)
        fill(session_id, 7_500, now=now)
    assert 6 <= Handoff.objects.count() <= 21


def test_rungs_whose_handoff_somebody_ended_on_purpose_stay_fired(team):
    session_id = open_desk(team, "ann")
    fill(session_id, 7_500)
    values = {"session_id": session_id, "team_id": team.team_id, "number": 1, "actor": "user ada", "now": NOW}
    abort_handoff(**values, reason="not now")
    assert "rest_seconds" not in Event.objects.get(session=session_id, kind="handoff.aborted").facts
    assert fill(session_id, 7_500) == []
    assert arm_due(now=NOW + HOUR) == 0


def test_a_rest_is_forgotten_where_another_handoff_has_begun_since(team):
    session_id = open_desk(team, "ann")
    for number in range(2):
        fill(session_id, 7_500, now=NOW + number * timedelta(seconds=60))
        give_up(session_id, now=NOW + (number + 1) * timedelta(seconds=60))
    begin(session_id)
    fired = instance_of(session_id, "ann").fired_rungs
    assert arm_due(now=NOW + HOUR) == 1
    assert instance_of(session_id, "ann").fired_rungs == fired
    assert Rung.CHECKPOINT in fired


def test_a_jump_past_all_rungs_begins_one_handoff_and_that_an_emergency(team):
    session_id = open_desk(team, "ann")
    assert fill(session_id, 9_900) == list(Rung)
    begun = Event.objects.filter(session=session_id, kind__startswith="handoff.")
    assert [(event.kind, event.facts["protocol"]) for event in begun] == [("handoff.begun", "emergency")]


def test_what_a_lower_rung_freed_spares_the_higher_ones(team):
    session_id = open_desk(team, "ann")
    load(team, session_id, 2_000, 2_000)
    session, instance = locked(session_id), instance_of(session_id, "ann")
    set_components(instance, {"interaction": 4_600})
    fired = climb(session, instance, actor="key test", now=NOW + 3 * HOUR)
    assert fired == [Rung.WARN, Rung.OFFLOAD, Rung.CHECKPOINT]
    assert not Handoff.objects.exists()


def test_a_perpetual_window_is_compacted_at_twenty_percent(team):
    session_id = open_desk(team, "ann", profile=Session.Profile.PERPETUAL)
    load(team, session_id, 300, 300, 300)
    load(team, session_id, 400, now=NOW + 3 * HOUR, kind=ItemKind.FILE)
    instance = instance_of(session_id, "ann")
    assert instance.context_tokens <= 500
    assert instance.context_tokens == sum(ContextItem.objects.values_list("tokens", flat=True))
    assert Archive.objects.filter(kind="item").count() >= 2


def test_a_perpetual_window_that_cannot_be_kept_says_so_once_with_the_reason(team):
    session_id = open_desk(team, "ann", profile=Session.Profile.PERPETUAL)
    for _ in range(3):
        fill(session_id, 1_200)
    event = Event.objects.get(session=session_id, kind="rung.reached")
    assert (event.facts["rung"], event.facts["floor_tokens"]) == ("perpetual", 1_200)
    assert event.facts["refused"]
    fill(session_id, 300)
    fill(session_id, 1_200)
    assert rungs_of(session_id) == ["perpetual", "perpetual"]


def test_a_perpetual_window_of_what_may_not_leave_yet_says_so_once_and_is_compacted_when_it_may(team):
    session_id = open_desk(team, "ann", profile=Session.Profile.PERPETUAL)
    words = {"component": Component.INTERACTION, "kind": ItemKind.MESSAGE}
    load(team, session_id, 500, 500, **words)
    load(team, session_id, 100, now=NOW + timedelta(minutes=1), **words)
    event = Event.objects.get(session=session_id, kind="rung.reached")
    assert (event.facts["rung"], event.facts["floor_tokens"]) == ("perpetual", 0)
    assert "30 minutes" in event.facts["refused"]
    assert instance_of(session_id, "ann").context_tokens == 1_100
    load(team, session_id, 100, now=NOW + HOUR, **words)
    assert instance_of(session_id, "ann").context_tokens < 1_000
    assert rungs_of(session_id) == ["perpetual"]


def test_an_instance_that_was_retired_climbs_no_more(team):
    session_id = open_desk(team, "ann")
    session, instance = locked(session_id), instance_of(session_id, "ann")
    set_components(instance, {"agent": 7_000})
    instance.status = Instance.Status.RETIRED
    with pytest.raises(Conflict, match="not active"):
        climb(session, instance, actor="key test", now=NOW)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    steps=st.lists(
        st.tuples(st.integers(min_value=0, max_value=9_500), st.integers(min_value=0, max_value=240)),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_a_window_goes_through_every_rung_fires_once_and_nothing_pinned_or_unkept_leaves(team, steps):
    with undone():
        session_id = open_desk(team, "ann")
        load(team, session_id, 200, kind=ItemKind.INSTRUCTION, is_pinned=True)
        load(team, session_id, 500, 700, 900)
        now = NOW
        for tokens, minutes in steps:
            now += timedelta(minutes=minutes)
            session, instance = locked(session_id), instance_of(session_id, "ann")
            set_components(instance, {"interaction": tokens})
            before = window_of(instance)
            fired = climb(session, instance, actor="key test", now=now)
            after, percents = window_of(instance), percent_of(terms_of(session))
            assert after.context <= before.context
            assert len(fired) == len(set(fired))
            assert all(before.is_at(percents[rung]) for rung in fired)
            stored = instance_of(session_id, "ann")
            assert len(stored.fired_rungs) == len(set(stored.fired_rungs))
            assert all(not after.is_down_to(percents[Rung(rung)] - 5) for rung in stored.fired_rungs)
            assert stored.context_tokens == sum(stored.component_tokens.values()) == after.context
            assert floor_tokens(stored) >= 200
        assert ContextItem.objects.get(is_pinned=True).tokens == 200
        assert not ContextItem.objects.exclude(status="live").filter(archive=None).exists()
        assert Handoff.objects.count() <= 1
        seqs = list(Event.objects.filter(session=session_id).order_by("seq").values_list("seq", flat=True))
        assert seqs == list(range(1, session_of(session_id).head_seq + 1))
