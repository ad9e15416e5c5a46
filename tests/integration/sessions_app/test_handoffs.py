"""Handoffs: all agents go over to successors at once, or none does."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from config.kernel.errors import Conflict, InvalidInput, NotFound
from sessions_app.models import (
    Archive,
    ContextItem,
    Event,
    Handoff,
    HandoffMember,
    Instance,
    InstanceHold,
    Session,
    Usage,
)
from sessions_app.selectors.archives import read_body
from sessions_app.selectors.handoffs import get_package
from sessions_app.selectors.state import get_state
from sessions_app.services.handoffs import Ballot, abort_handoff, advance, carry_on, score_due, vote
from sessions_app.services.lives import end_session
from sessions_app.services.memory.facts import FactAsk, Teller, record_fact
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.sessions_app.handing import (
    STATE,
    assert_sound,
    begin,
    fill,
    finish,
    open_holds,
    patch,
    report_as,
    reserve_for,
    say,
)
from tests.integration.world import NOW, make_budget, make_team

AGENTS = ("a1", "a2", "a3")
STEPS = ("prepare", "transfer", "copy", "check")
"""Up to the switch, once all agents are ready."""


@pytest.fixture
def team(loaded_world, db):
    return make_team()


@pytest.fixture
def session_id(team):
    opened = open_desk(team, *AGENTS, state=STATE, budget_id=make_budget(team, 100_000))
    for agent in AGENTS:
        fill(opened, agent)
    return opened


def _now(handoff):
    return Handoff.objects.get(pk=handoff.pk)


def _ready_after(session_id, steps, protocol="coordinated"):
    """A handoff of which so many steps are done, all agents being ready."""
    handoff = begin(session_id, protocol)
    for agent in AGENTS:
        say(handoff, agent)
    done = [str(advance(handoff_id=handoff.pk, now=NOW)) for _ in range(steps)]
    assert done == list(STEPS[:steps])
    return handoff


def test_successors_take_over_at_once_with_items_and_a_document(session_id):
    handoff = finish(begin(session_id))
    assert (handoff.phase, handoff.failure, handoff.rounds) == ("complete", "", 1)
    assert handoff.switched_seq == session_of(session_id).head_seq
    successor = instance_of(session_id, "a1")
    assert (successor.epoch, successor.role) == (2, "lead")
    items = {each.key: (each.status, each.tokens) for each in ContextItem.objects.filter(instance=successor)}
    document = items.pop("handoff/1/continuity")
    assert items == {"rules": ("live", 50), "m1": ("live", 50), "out": ("unloaded", 0), "plan.md": ("unloaded", 0)}
    assert successor.context_tokens == 100 + document[1]
    assert_sound(session_id)


def test_the_document_is_billed_by_nobody_before_the_first_call_of_the_successor(session_id, team):
    report_as(session_id, "a1", 1, call_id="before")
    tokens_used = session_of(session_id).tokens_used
    finish(begin(session_id))
    assert session_of(session_id).tokens_used == tokens_used
    assert list(Usage.objects.filter(session=session_id).values_list("call_id", flat=True)) == ["before"]
    document = ContextItem.objects.get(instance=instance_of(session_id, "a1"), key="handoff/1/continuity")
    report_as(session_id, "a1", 2, call_id="after", input_tokens=document.tokens)
    assert session_of(session_id).tokens_used == tokens_used + document.tokens + 10


def test_what_is_not_loaded_is_in_an_archive_whole(session_id):
    finish(begin(session_id))
    items = {each.key: each for each in ContextItem.objects.filter(instance=instance_of(session_id, "a2"))}
    assert read_body(items["out"].archive) == "gauge 1.4 m " * 20
    assert "repo/plan.md" in read_body(items["plan.md"].archive)
    assert Archive.objects.filter(session=session_id, kind="item").count() == 2 * len(AGENTS)


def test_budget_and_open_holds_move_with_their_agent_once(session_id, team):
    own = make_budget(team, 5_000, name="of a1")
    Instance.objects.filter(pk=instance_of(session_id, "a1").pk).update(budget=own)
    first, second = (reserve_for(session_id, agent, 1) for agent in ("a1", "a2"))
    closed = reserve_for(session_id, "a3", 1)
    report_as(session_id, "a3", 1, hold_id=closed)
    finish(begin(session_id))
    assert open_holds(session_id) == {first: ("a1", 2), second: ("a2", 2)}
    assert list(Instance.objects.filter(budget=own).values_list("agent", "epoch")) == [("a1", 2)]
    assert InstanceHold.objects.get(pk=closed).instance.epoch == 1, "what is settled stays with who worked under it"
    report_as(session_id, "a1", 2, call_id="c2", hold_id=first)
    with pytest.raises(Conflict):
        report_as(session_id, "a1", 2, call_id="c3", hold_id=first)
    assert_sound(session_id)


def test_a_paused_worker_that_wakes_with_its_old_epoch_changes_nothing(session_id, team):
    handoff = finish(begin(session_id))
    head = session_of(session_id).head_seq
    for work in (
        partial(reserve_for, session_id, "a1", 1),
        partial(report_as, session_id, "a1", 1),
        partial(say, begin(session_id), "a1", epoch=1),
    ):
        with pytest.raises(Conflict) as refused:
            work()
        assert refused.value.code == "stale_epoch"
    assert session_of(session_id).head_seq == head + 1, "only the next handoff was begun"
    assert not Usage.objects.exists()
    assert not InstanceHold.objects.exists()
    assert handoff.phase == "complete"


def test_what_is_written_while_it_validates_is_transferred_again(session_id):
    handoff = _ready_after(session_id, 4)
    patch(session_id, {"focus": "evacuate the harbour district, now with buses", "tasks": {"t9": {"n": 9}}})
    assert carry_on(handoff_id=handoff.pk, now=NOW) == "complete"
    assert _now(handoff).rounds == 2
    package = get_package(session_id, 1, "a2")
    assert package["state"]["value"] == get_state(session_id).state
    assert HandoffMember.objects.get(handoff=handoff, agent="a2").copied_bytes < 3 * len(str(package))


def test_a_state_that_never_rests_is_transferred_within_the_switch(session_id):
    Session.objects.filter(pk=session_id).update(overrides={"handoffs.most_rounds": 2})
    handoff = _ready_after(session_id, 1)
    for step in range(20):
        if _now(handoff).phase == "complete":
            break
        patch(session_id, {"tasks": {"t1": {"at": step}}})
        advance(handoff_id=handoff.pk, now=NOW)
    assert (_now(handoff).phase, _now(handoff).rounds) == ("complete", 3)
    assert get_package(session_id, 1, "a1")["state"]["value"] == get_state(session_id).state
    assert_sound(session_id)


def test_an_item_that_changes_without_an_event_is_not_lost(session_id):
    handoff = _ready_after(session_id, 4)
    old = ContextItem.objects.get(instance=instance_of(session_id, "a1"), key="out")
    ContextItem.objects.filter(pk=old.pk).update(text="gauge 9.9 m", tokens=5)
    assert carry_on(handoff_id=handoff.pk, now=NOW) == "complete"
    moved = ContextItem.objects.select_related("archive").get(pk=old.pk)
    assert (moved.status, moved.instance.epoch, read_body(moved.archive)) == ("unloaded", 2, "gauge 9.9 m")


@pytest.mark.parametrize("steps", range(5))
def test_an_abort_from_any_phase_leaves_the_sources_active(session_id, team, steps):
    handoff = _ready_after(session_id, steps)
    before = list(ContextItem.objects.order_by("pk").values_list("instance", "key", "status", "tokens", "text"))
    values = {"session_id": session_id, "team_id": team.team_id, "number": 1, "actor": "test", "now": NOW}
    abort_handoff(**values, reason="not now")
    abort_handoff(**values, reason="twice is once")
    assert (_now(handoff).phase, _now(handoff).failure) == ("aborted", "not now")
    assert [instance_of(session_id, agent).epoch for agent in AGENTS] == [1, 1, 1]
    assert list(ContextItem.objects.order_by("pk").values_list("instance", "key", "status", "tokens", "text")) == before
    assert Event.objects.filter(session=session_id, kind="handoff.aborted").count() == 1
    assert_sound(session_id)
    assert finish(begin(session_id)).phase == "complete"
    assert instance_of(session_id, "a1").epoch == (3 if steps else 2), "no epoch is used twice"
    with pytest.raises(Conflict) as refused:
        abort_handoff(**{**values, "number": 2}, reason="too late")
    assert refused.value.code == "handoff_complete"


@pytest.mark.parametrize(
    ("protocol", "ready", "refused", "phase"),
    [
        ("coordinated", 3, 0, "complete"),
        ("coordinated", 2, 0, "coordinating"),
        ("coordinated", 2, 1, "aborted"),
        ("graceful", 2, 1, "complete"),
        ("graceful", 1, 1, "coordinating"),
        ("graceful", 0, 2, "aborted"),
        ("emergency", 0, 3, "complete"),
    ],
)
def test_a_quorum_by_protocol_decides(session_id, protocol, ready, refused, phase):
    handoff = begin(session_id, protocol)
    for place, agent in enumerate(AGENTS):
        if place < ready + refused:
            say(handoff, agent, "ready" if place < ready else "refused")
    assert carry_on(handoff_id=handoff.pk, now=NOW) == phase
    assert_sound(session_id)


def test_who_is_not_ready_in_time_ends_a_coordinated_handoff(session_id):
    handoff = begin(session_id)
    say(handoff, "a1")
    carry_on(handoff_id=handoff.pk, now=NOW)
    assert carry_on(handoff_id=handoff.pk, now=NOW + timedelta(seconds=59)) == "coordinating"
    assert carry_on(handoff_id=handoff.pk, now=NOW + timedelta(seconds=60)) == "aborted"
    assert _now(handoff).failure == "Time is over: 1 of 3 agents were ready; 3 are needed."
    assert_sound(session_id)


def test_a_clock_that_steps_back_does_not_put_off_the_end(session_id):
    handoff = begin(session_id)
    back = NOW - timedelta(days=1)
    carry_on(handoff_id=handoff.pk, now=back)
    assert carry_on(handoff_id=handoff.pk, now=back + timedelta(seconds=60)) == "aborted"
    times = list(Event.objects.filter(session=session_id).order_by("seq").values_list("at", flat=True))
    assert times == sorted(times)


def test_an_emergency_overtakes_what_waits_and_keeps_its_number(session_id):
    handoff = begin(session_id)
    carry_on(handoff_id=handoff.pk, now=NOW)
    again = begin(session_id, "graceful")
    assert (again.pk, again.protocol) == (handoff.pk, "coordinated")
    assert begin(session_id, "emergency").pk == handoff.pk
    assert carry_on(handoff_id=handoff.pk, now=NOW) == "complete"
    assert Handoff.objects.count() == 1


def test_an_emergency_that_was_left_alone_goes_on_after_its_deadline(session_id):
    handoff = begin(session_id, "emergency")
    advance(handoff_id=handoff.pk, now=NOW)
    assert carry_on(handoff_id=handoff.pk, now=NOW + timedelta(seconds=200)) == "complete"


def test_a_damaged_package_is_found_and_nobody_is_switched(session_id):
    handoff = _ready_after(session_id, 3)
    HandoffMember.objects.filter(handoff=handoff, agent="a2").update(package=b"damaged")
    assert carry_on(handoff_id=handoff.pk, now=NOW) == "aborted"
    assert "a2: hash" in _now(handoff).failure
    assert [instance_of(session_id, agent).epoch for agent in AGENTS] == [1, 1, 1]
    assert_sound(session_id)


def test_pinned_items_that_fill_the_window_of_a_successor_end_it(session_id):
    source = instance_of(session_id, "a3")
    ContextItem.objects.filter(instance=source, key="rules").update(tokens=8_000, original_tokens=8_000)
    Instance.objects.filter(pk=source.pk).update(
        context_tokens=8_450, component_tokens={**source.component_tokens, "system": 8_000}
    )
    handoff = finish(begin(session_id))
    assert handoff.phase == "aborted"
    assert "a3: room" in handoff.failure
    assert_sound(session_id)


def test_every_fact_in_force_reaches_the_successors(session_id, team):
    values = {"session_id": session_id, "team_id": team.team_id, "teller": Teller(actor="test", agent="a1"), "now": NOW}
    record_fact(**values, ask=FactAsk(kind="decision", text="Bridge 4 stays open."))
    record_fact(**values, ask=FactAsk(kind="decision", text="Bridge 4 closes at 1.8 m.", supersedes=1))
    handoff = finish(begin(session_id))
    assert handoff.phase == "complete"
    told = get_package(session_id, 1, "a3")["decisions"]
    assert told == [{"number": 2, "kind": "decision", "text": "Bridge 4 closes at 1.8 m."}]


WARDS = " ".join(f"ward{number} floods at hour{number}" for number in range(300))


@pytest.mark.parametrize(
    "focus",
    [WARDS[:1_000], WARDS[:5_000], {f"task{number}": {"text": WARDS[number:][:900]} for number in range(40)}],
    ids=["1,000 characters", "5,000 characters", "object"],
)
def test_a_focus_of_any_length_goes_over_whole(session_id, focus):
    patch(session_id, {"focus": focus})
    handoff = finish(begin(session_id))
    assert (handoff.phase, handoff.failure) == ("complete", "")
    assert get_package(session_id, 1, "a2")["state"]["value"]["focus"] == focus
    assert_sound(session_id)


def test_a_focus_that_the_document_has_no_room_for_ends_it(session_id):
    Session.objects.filter(pk=session_id).update(overrides={"checkpoints.continuity_tokens": 150})
    handoff = finish(begin(session_id))
    assert handoff.phase == "aborted"
    assert "a1: focus (" in handoff.failure, handoff.failure
    assert_sound(session_id)


def test_the_end_of_a_session_ends_its_handoff(session_id, team):
    handoff = _ready_after(session_id, 2)
    seq = end_session(session_id=session_id, team_id=team.team_id, actor="test", now=NOW)
    assert (_now(handoff).phase, _now(handoff).failure) == ("aborted", "The session has ended.")
    assert carry_on(handoff_id=handoff.pk, now=NOW) == "aborted"
    assert session_of(session_id).head_seq == seq
    assert_sound(session_id)


def test_a_handoff_that_an_ended_session_left_open_ends_without_another_event(session_id):
    handoff = _ready_after(session_id, 2)
    Session.objects.filter(pk=session_id).update(status="ended", ended_at=NOW)
    head = session_of(session_id).head_seq
    assert carry_on(handoff_id=handoff.pk, now=NOW) == "aborted"
    assert session_of(session_id).head_seq == head


def test_a_vote_is_counted_once_and_too_late_when_the_transfer_has_begun(session_id):
    handoff = begin(session_id)
    say(handoff, "a1", "refused")
    head = session_of(session_id).head_seq
    say(handoff, "a1", "refused")
    assert session_of(session_id).head_seq == head
    for agent in AGENTS:
        say(handoff, agent)
    advance(handoff_id=handoff.pk, now=NOW)
    advance(handoff_id=handoff.pk, now=NOW)
    with pytest.raises(Conflict) as refused:
        say(handoff, "a1", "refused")
    assert refused.value.code == "too_late"
    with pytest.raises(NotFound):
        vote(**_ballot(handoff, agent="nobody"))
    with pytest.raises(InvalidInput) as unsaid:
        vote(**_ballot(handoff, vote="refused"))
    assert unsaid.value.field == "reason"


def _ballot(handoff, **changes):
    values = {"session_id": handoff.session_id, "team_id": handoff.session.team_id, "number": handoff.number}
    ballot = Ballot(**{"agent": "a1", "epoch": 1, "vote": "ready", **changes})
    return {**values, "ballot": ballot, "actor": "test", "now": NOW}


def test_a_session_without_agents_has_nobody_to_hand_over(team):
    with pytest.raises(Conflict) as refused:
        begin(open_desk(team))
    assert refused.value.code == "no_agents"
    assert not Handoff.objects.exists()


def test_the_next_plan_knows_what_successors_used(session_id, team):
    finish(begin(session_id))
    later = NOW + timedelta(hours=1)
    ContextItem.objects.filter(instance__status="active", key="out").update(last_access_at=later)
    assert score_due(now=later) == 1
    assert score_due(now=later) == 0
    plan = finish(begin(session_id, now=later), now=later).plan
    assert plan["history"]["use"] == {
        "file/old": [3, 0],
        "instruction/recent": [3, 0],
        "message/recent": [3, 0],
        "tool_output/old": [3, 3],
    }
    assert plan["history"]["handoffs"] == 1
    assert plan["history"]["bytes"] > 0
    assert sorted(plan["order"]) == list(AGENTS)


def test_packages_of_the_last_handoff_alone_are_kept(session_id):
    finish(begin(session_id))
    finish(begin(session_id))
    assert get_package(session_id, 2, "a1")["identity"]["epoch_to"] == 3
    with pytest.raises(NotFound) as gone:
        get_package(session_id, 1, "a1")
    assert gone.value.code == "package_dropped"
