from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.handoff.plans import (
    Candidate,
    History,
    Seen,
    makespan,
    plan_order,
    plan_preload,
    sort_of,
)

NOTHING = History(use={})
RECENT, OLD = sort_of("message", is_recent=True), sort_of("message", is_recent=False)


def item(key, *, sort=OLD, tokens=100, is_pinned=False):
    return Candidate(key=key, sort=sort, tokens=tokens, is_pinned=is_pinned)


def test_before_anything_is_measured_recent_items_are_loaded():
    plan = plan_preload([item("new", sort=RECENT), item("old")], NOTHING, room_tokens=1000)
    assert plan.keys == {"new"}


def test_what_is_measured_outweighs_what_was_believed():
    history = History(use={RECENT: Seen(items=20, used=0), OLD: Seen(items=20, used=20)})
    assert plan_preload([item("new", sort=RECENT), item("old")], history, room_tokens=1000).keys == {"old"}


def test_what_is_pinned_is_loaded_whether_there_is_room_or_not():
    plan = plan_preload([item("rules", is_pinned=True), item("new", sort=RECENT)], NOTHING, room_tokens=50)
    assert plan.keys == {"rules"}


def test_the_gain_is_told_in_expected_tokens():
    plan = plan_preload([item("new", sort=RECENT), item("old")], NOTHING, room_tokens=1000)
    assert (plan.tokens_all, plan.tokens_planned) == (200, 100)
    assert (plan.wasted_all, plan.wasted_planned) == (100, 20)
    assert (plan.reloaded_none, plan.reloaded_planned) == (100, 20)


@given(
    items=st.lists(st.tuples(st.sampled_from([RECENT, OLD]), st.integers(0, 500), st.booleans()), max_size=20),
    room=st.integers(-100, 3000),
)
def test_no_plan_loads_more_than_there_is_room_for_or_wastes_more_than_loading_all(items, room):
    known = [item(str(n), sort=sort, tokens=size, is_pinned=pin) for n, (sort, size, pin) in enumerate(items)]
    plan = plan_preload(known, NOTHING, room_tokens=room)
    pinned = sum(each.tokens for each in known if each.is_pinned)
    assert plan.tokens_planned <= max(room, pinned)
    assert plan.wasted_planned <= plan.wasted_all
    assert plan.reloaded_planned <= plan.reloaded_none


def test_the_longest_package_is_begun_first():
    sizes = {"a": 1, "b": 1, "c": 2, "d": 4}
    order = plan_order({name: size * 20_000 for name, size in sizes.items()}, NOTHING, workers=2)
    assert order.agents == ("d", "c", "a", "b")
    assert order.ms_planned == pytest.approx(4)
    assert order.ms_by_name == pytest.approx(5)
    assert order.ms_one_by_one == pytest.approx(8)


def test_speed_is_learnt():
    assert NOTHING.bytes_per_ms == pytest.approx(20_000)
    assert History(use={}, bytes=10**9, ms=10**5).bytes_per_ms == pytest.approx(10_000, rel=0.01)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.integers(1, 8))
def test_workers_never_make_it_longer_than_one_after_the_other(durations, workers):
    longest = makespan(durations, workers)
    assert max(durations) - 1e-6 <= longest <= sum(durations) + 1e-6
