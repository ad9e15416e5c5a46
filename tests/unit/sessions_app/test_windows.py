"""Occupancy, the ladder, shares and the verdicts on asks for room."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sessions_app
from sessions_app.domain.terms import SessionTerms
from sessions_app.domain.windows import (
    Room,
    Verdict,
    Window,
    allocated,
    crossed,
    gain_tokens,
    percent_of,
    perpetual_target,
    rearmed,
    room_of,
)
from sessions_app.domain.words import Component, Rung

SHIPPED = Path(sessions_app.__file__).parent / "data" / "policies.json"
TERMS = SessionTerms.read(json.loads(SHIPPED.read_text(encoding="utf-8"))["default"]["body"])
SIZES = st.integers(min_value=2, max_value=2_000_000)


def window(context: int, *, size: int = 10_000, output: int = 1_000) -> Window:
    return Window(size=size, output=output, context=context)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    size = draw(SIZES)
    output = draw(st.integers(min_value=1, max_value=size - 1))
    return Window(size=size, output=output, context=draw(st.integers(min_value=0, max_value=2 * size)))


def test_occupancy_counts_the_next_output():
    assert window(6_500).percent == 75.0
    assert window(9_500).percent == 105.0
    assert window(9_000).is_over is False
    assert window(9_001).is_over is True


def test_the_documents_figures_are_where_rungs_fire():
    places = {rung: 100 * percent - 1_000 for rung, percent in percent_of(TERMS).items()}
    assert list(percent_of(TERMS).values()) == [75, 80, 85, 90, 95]
    for rung, context in places.items():
        assert rung not in crossed(window(context - 1), (), TERMS)
        assert crossed(window(context), (), TERMS)[-1] == rung


def test_a_rung_is_armed_again_five_points_lower_and_not_before():
    assert rearmed(window(6_001), ["warn"], TERMS) == ["warn"]
    assert rearmed(window(6_000), ["warn"], TERMS) == []
    assert rearmed(window(8_000), list(Rung), TERMS) == ["warn", "offload", "checkpoint", "refuse"]


@given(readings=st.lists(st.integers(min_value=0, max_value=12_000), max_size=60))
def test_no_rung_fires_twice_without_occupancy_having_been_five_points_below_it(readings):
    fired: list[str] = []
    last: dict[str, int] = {}
    for at, context in enumerate(readings):
        now = window(context)
        for rung in crossed(now, fired, TERMS):
            if rung in last:
                low = min(readings[last[rung] : at])
                assert (low + 1_000) * 100 <= (percent_of(TERMS)[rung] - 5) * 10_000
            last[rung] = at
            fired.append(rung)
        fired = rearmed(now, fired, TERMS)
        # Whatever is at or above a rung has fired; whatever fired is less than five points below its rung.
        for rung, percent in percent_of(TERMS).items():
            assert not now.is_at(percent) or rung in fired
            assert rung not in fired or not now.is_down_to(percent - 5)


@given(each=windows(), percent=st.integers(min_value=1, max_value=100))
def test_what_fits_below_a_rung_does_not_reach_it_and_one_more_does(each, percent):
    room = each.room_below(percent)
    filled = Window(size=each.size, output=each.output, context=each.context + room)
    more = Window(size=each.size, output=each.output, context=each.context + room + 1)
    assert room >= 0
    assert not filled.is_at(percent) or room == 0
    assert more.is_at(percent)


@given(each=windows())
def test_shares_of_all_components_are_never_more_than_the_window_without_its_reserve(each):
    assert sum(each.share(percent) for percent in TERMS.shares.percent.values()) <= each.size - each.output


@given(each=windows(), floor_percent=st.integers(min_value=0, max_value=100))
def test_a_perpetual_window_is_compacted_below_its_limit_or_refused(each, floor_percent):
    floor = each.context * floor_percent // 100
    target = perpetual_target(each, floor, TERMS)
    floor_window = Window(size=each.size, output=each.output, context=floor)
    assert (target is None) == floor_window.is_at(20)
    if target is not None:
        assert target >= floor
        assert not Window(size=each.size, output=each.output, context=target).is_at(20)


def test_a_perpetual_window_goes_down_to_fifteen_percent_or_to_what_is_pinned():
    assert perpetual_target(window(1_500), 100, TERMS) == 500
    assert perpetual_target(window(1_500), 700, TERMS) == 700
    assert perpetual_target(window(1_500), 1_000, TERMS) is None


def test_a_compaction_must_free_a_fifth_of_the_window():
    assert gain_tokens(window(8_000), TERMS) == 2_000
    assert gain_tokens(window(8_000, size=10_001), TERMS) == 2_001


def test_a_component_has_room_up_to_its_share_and_no_further_than_the_window_takes():
    room = room_of(window(5_000), {"knowledge": 300}, Component.KNOWLEDGE, TERMS)
    assert room == Room(component=1_500, window=2_999)
    assert room_of(window(7_900), {}, Component.WORKING_MEMORY, TERMS).tokens == 99
    assert room_of(window(9_900), {"knowledge": 9_900}, Component.KNOWLEDGE, TERMS).tokens == 0


@pytest.mark.parametrize(
    ("asked", "least", "cleaned", "answer"),
    [
        (500, 0, False, (Verdict.GRANTED, 500)),
        (500, 0, True, (Verdict.AFTER_CLEANUP, 500)),
        (501, 0, True, (Verdict.PARTIAL, 500)),
        (501, 500, False, (Verdict.PARTIAL, 500)),
        (501, 501, False, (Verdict.DENIED, 0)),
    ],
)
def test_an_ask_is_granted_in_part_only_where_a_part_is_of_use(asked, least, cleaned, answer):
    assert allocated(asked, least, Room(component=500, window=900), was_cleaned=cleaned) == answer


def test_an_ask_is_denied_where_there_is_no_room():
    assert allocated(1, 0, Room(component=0, window=900), was_cleaned=True) == (Verdict.DENIED, 0)


@given(
    asked=st.integers(min_value=1, max_value=5_000),
    least=st.integers(min_value=0, max_value=5_000),
    component=st.integers(min_value=0, max_value=5_000),
    left=st.integers(min_value=0, max_value=5_000),
    cleaned=st.booleans(),
)
def test_no_verdict_grants_more_than_there_is_or_less_than_is_of_use(asked, least, component, left, cleaned):
    least = min(least, asked)
    verdict, granted = allocated(asked, least, Room(component=component, window=left), was_cleaned=cleaned)
    assert 0 <= granted <= min(asked, component, left)
    assert (granted == 0) == (verdict == Verdict.DENIED)
    assert granted == 0 or granted >= least
