"""Tiers of the state: nothing is lost or changed by being kept further away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.kernel.errors import NotFound
from sessions_app.domain.words import Tier
from sessions_app.models import Archive, Event, StateItem
from sessions_app.selectors.archives import is_out, list_archives
from sessions_app.selectors.state import get_state, get_state_at
from sessions_app.services.cleanup.cleaning import restore
from sessions_app.services.cleanup.tending import tend_cleanup
from sessions_app.services.log import Writer, locked, patch_state
from sessions_app.services.reference import load_reference
from sessions_app.services.tiers import load_items, offload, tend_tiers
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.world import NOW, make_team, undone

pytestmark = pytest.mark.django_db
MANY_TOKENS = "7 % & 3 $ x " * 60  # few bytes, many tokens
LATER = NOW + timedelta(hours=5)


@pytest.fixture
def team():
    load_reference(now=NOW)
    return make_team()


def patch(team, session_id, delta, now=NOW):
    base = session_of(session_id).head_seq
    told = {"session_id": session_id, "team_id": team.team_id, "base_seq": base, "writer": Writer(actor="key test")}
    patch_state(format="merge", delta=delta, now=now, **told)


def load(team, session_id, *keys, now=NOW):
    return load_items(session_id=session_id, team_id=team.team_id, keys=keys, actor="key test", now=now)


def tiers_of(session_id):
    return dict(StateItem.objects.filter(session=session_id).values_list("key", "tier"))


def seen(session_id):
    facts = get_state(session_id)
    return facts.state, facts.digest


def test_half_of_the_hot_tier_goes_the_least_salient_first(team):
    session_id = open_desk(team, "ann")
    for n in range(6):
        patch(team, session_id, {"notes": {f"n{n}": "word " * 20}})
    patch(team, session_id, {"focus": "word " * 20})
    before = seen(session_id)
    moved = offload(locked(session_id), instance_of(session_id, "ann"), actor="ladder", now=NOW)
    assert [key for key, tier in tiers_of(session_id).items() if tier == Tier.WARM] == [
        f"/notes/n{n}" for n in range(3)
    ]
    assert moved > 60
    assert seen(session_id) == before
    event = Event.objects.get(session=session_id, kind="tier.moved")
    assert (event.facts["to"], event.facts["items"], event.facts["agent"]) == ("warm", 3, "ann")


def test_what_has_too_many_tokens_does_not_stay_hot(team):
    session_id = open_desk(team, "ann")
    patch(team, session_id, {"a": MANY_TOKENS, "b": "small"})
    assert tiers_of(session_id) == {"/a": Tier.HOT, "/b": Tier.HOT}
    before = seen(session_id)
    tend_cleanup(now=NOW)
    assert tiers_of(session_id) == {"/a": Tier.WARM, "/b": Tier.HOT}
    assert seen(session_id) == before


def test_what_is_read_comes_nearer_if_it_is_small(team):
    session_id = open_desk(team, "ann")
    patch(team, session_id, {"large": "x" * 3_000, "small": "y"})
    StateItem.objects.filter(key="/small").update(tier=Tier.WARM, body='"y"', value=None)
    loaded = load(team, session_id, "/large", "/small")
    assert [(each.key, each.tier, each.value) for each in loaded] == [
        ("/large", Tier.WARM, "x" * 3_000),
        ("/small", Tier.HOT, "y"),
    ]
    assert StateItem.objects.get(key="/large").read_at == NOW


def test_reading_what_is_near_already_adds_nothing_to_the_log(team):
    session_id = open_desk(team, "ann")
    patch(team, session_id, {"small": "y"})
    head = session_of(session_id).head_seq
    load(team, session_id, "/small")
    assert session_of(session_id).head_seq == head


def test_an_item_that_is_not_there_is_named(team):
    session_id = open_desk(team, "ann")
    patch(team, session_id, {"small": "y"})
    with pytest.raises(NotFound) as refused:
        load(team, session_id, "/small", "/tasks/t9")
    assert (refused.value.code, "/tasks/t9" in refused.value.detail) == ("no_such_item", True)
    assert StateItem.objects.get().read_at is None


def test_what_nobody_used_for_long_is_archived_found_and_comes_back(team):
    session_id = open_desk(team, "ann")
    patch(team, session_id, {"report": "The northern dam holds. " * 100, "other": "z" * 2_000})
    patch(team, session_id, {"focus": "dam"}, now=LATER - timedelta(minutes=10))
    load(team, session_id, "/other", now=LATER - timedelta(minutes=5))
    before = seen(session_id)
    tend_cleanup(now=LATER)
    assert tiers_of(session_id) == {"/report": Tier.COLD, "/other": Tier.WARM, "/focus": Tier.HOT}
    assert seen(session_id) == before
    (found,) = list_archives(session_id, query="northern dam")
    assert (found.kind, found.title) == ("state", "/report")
    restore(session_id=session_id, team_id=team.team_id, archive_id=found.id, actor="key test", now=LATER)
    assert tiers_of(session_id)["/report"] == Tier.WARM
    assert Archive.objects.get().restored_at == LATER
    assert seen(session_id) == before


def test_what_came_back_unchanged_is_not_archived_twice(team):
    session_id = open_desk(team, "ann")
    patch(team, session_id, {"report": "x" * 2_000})
    for hours in (5, 10, 15):
        tend_tiers(locked(session_id), actor="t", now=NOW + timedelta(hours=hours))
        load(team, session_id, "/report", now=NOW + timedelta(hours=hours))
    assert Archive.objects.count() == 1
    patch(team, session_id, {"report": "y" * 2_000}, now=NOW + timedelta(hours=15))
    tend_tiers(locked(session_id), actor="t", now=NOW + timedelta(hours=25))
    assert Archive.objects.count() == 2


def test_where_the_archive_of_an_item_is_damaged_the_item_is_archived_once_more(team):
    session_id = open_desk(team, "ann")
    patch(team, session_id, {"report": "x" * 2_000})
    before = seen(session_id)
    tend_tiers(locked(session_id), actor="t", now=LATER)
    load(team, session_id, "/report", now=LATER)
    Archive.objects.update(body=b"damaged")
    tend_tiers(locked(session_id), actor="t", now=LATER + timedelta(hours=5))
    assert tiers_of(session_id) == {"/report": Tier.COLD}
    assert Archive.objects.count() == 2
    assert seen(session_id) == before


def test_a_cold_item_can_be_written_over(team):
    session_id = open_desk(team, "ann")
    patch(team, session_id, {"tasks": {"t1": {"text": "x" * 2_000}}})
    tend_tiers(locked(session_id), actor="t", now=LATER)
    assert tiers_of(session_id) == {"/tasks/t1": Tier.COLD}
    patch(team, session_id, {"tasks": {"t1": {"done": True}}}, now=LATER)
    assert get_state(session_id).state == {"tasks": {"t1": {"text": "x" * 2_000, "done": True}}}


def test_a_crash_at_any_statement_moves_all_or_nothing(team):
    session_id = open_desk(team, "ann")
    patch(team, session_id, {"a": MANY_TOKENS, "report": "x" * 2_000})
    before = (tiers_of(session_id), seen(session_id), session_of(session_id).head_seq)
    for statement in range(1, 100):
        try:
            with undone(), crashing_at(statement):
                tend_tiers(locked(session_id), actor="t", now=LATER)
                break
        except Crash:
            pass
        assert (tiers_of(session_id), seen(session_id), session_of(session_id).head_seq) == before
        assert not Archive.objects.exists()
    assert 10 < statement < 99


plans = st.lists(
    st.tuples(st.sampled_from(["write", "drop", "offload", "tend", "load", "wait"]), st.integers(0, 5)), max_size=16
)


@pytest.fixture
def desk(team):
    return team, open_desk(team, "ann")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plans)
def test_no_tier_ever_changes_the_state_or_what_it_was(desk, plan):
    team, session_id = desk
    with undone():
        now, model, was = NOW, {}, {}
        for what, number in plan:
            key = f"t{number}"
            if what == "write":
                model[key] = {"said": (f"{len(was)} " * 10 ** (number % 4))[:3_000]}
                patch(team, session_id, {"tasks": {key: None}}, now=now)
                patch(team, session_id, {"tasks": {key: model[key]}}, now=now)
            elif what == "drop":
                model.pop(key, None)
                patch(team, session_id, {"tasks": {key: None}}, now=now)
            elif what == "offload":
                offload(locked(session_id), instance_of(session_id, "ann"), actor="t", now=now)
            elif what == "tend":
                tend_tiers(locked(session_id), actor="t", now=now)
            elif what == "wait":
                now += timedelta(hours=number)
            elif key in model:
                (loaded,) = load(team, session_id, f"/tasks/{key}", now=now)
                assert loaded.value == model[key]
            facts = get_state(session_id)
            assert facts.state.get("tasks", {}) == model
            was[facts.seq] = facts.state
        for seq, state in was.items():
            assert get_state_at(session_id, seq).state == state


def test_a_part_of_the_state_is_out_while_it_is_cold_however_often_it_was_put_back(team):
    session_id = open_desk(team)
    patch(team, session_id, {"tasks": {"t1": "x" * 2000}})
    archives = set()
    for hours in (5, 10):
        at = NOW + timedelta(hours=hours)
        tend_tiers(locked(session_id), actor="cleanup", now=at)
        archive = Archive.objects.get(session=session_id, kind="state")
        archives.add(archive.pk)
        assert is_out(session_id, archive.pk)
        restore(session_id=session_id, team_id=team.team_id, archive_id=archive.pk, actor="key test", now=at)
        assert not is_out(session_id, archive.pk)
    assert len(archives) == 1
