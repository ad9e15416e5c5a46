"""What is expected of past arrivals, and the room that is kept for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.domain.placement.expected import (
    HOURS_OF_WEEK,
    LEAST_HOURS,
    ArrivalKind,
    ExpectedGroups,
    ExpectedWork,
    History,
    expect,
    expected_groups,
    keep_room,
)
from market.domain.placement.green import place_green
from market.domain.placement.problem import Flow, Problem
from tests.unit.market.placement.instances import make_problem, random_problem

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEKS = 4


def kind(window: int = 0, *, origin: str = "KE") -> ArrivalKind:
    return ArrivalKind(model_class="L", origin_code=origin, latency_class="anywhere", window_hours=window)


def history(tokens, *, is_counted=None) -> History:
    rows = np.atleast_2d(np.array(tokens, dtype=float))
    counted = np.ones(rows.shape[1], dtype=bool) if is_counted is None else np.array(is_counted)
    return History(first_hour=MONDAY - rows.shape[1] * HOUR, kinds=(kind(),), tokens=rows, is_counted=counted)


def expected(past: History, *, hour_count: int = 48, now: datetime = MONDAY) -> ExpectedWork:
    return expect(past, first_hour=MONDAY, hour_count=hour_count, now=now)


def day_curve(days: int) -> np.ndarray:
    return np.tile(np.arange(24.0), days)


class TestExpect:
    def test_what_comes_every_day_is_expected_every_day_when_it_was_often_seen(self):
        work = expected(history(np.tile(day_curve(7), 40)))

        assert work.tokens[0] == pytest.approx(day_curve(2), abs=0.5)

    def test_a_busy_hour_of_the_week_is_expected_there_and_much_less_elsewhere(self):
        week = np.zeros(HOURS_OF_WEEK)
        week[10] = 100.0  # Monday 10:00

        coming = expected(history(np.tile(week, WEEKS))).tokens[0]

        assert coming[10] > 75
        assert coming[34] < 10  # Tuesday 10:00
        assert coming[11] < coming[34]

    def test_one_busy_hour_seen_once_is_drawn_to_the_hour_of_day_and_the_mean(self):
        week = np.zeros(HOURS_OF_WEEK)
        week[10] = 100.0

        once = expected(history(week)).tokens[0, 10]
        often = expected(history(np.tile(week, WEEKS))).tokens[0, 10]

        assert 50 < once < often < 100

    def test_hours_nobody_counted_say_nothing(self):
        tokens = np.full(2 * HOURS_OF_WEEK, 7.0)
        tokens[:HOURS_OF_WEEK] = 0.0
        is_counted = np.arange(2 * HOURS_OF_WEEK) >= HOURS_OF_WEEK

        work = expected(history(tokens, is_counted=is_counted))

        assert work.tokens[0] == pytest.approx(np.full(48, 7.0))
        assert work.hours_counted == HOURS_OF_WEEK

    def test_with_less_than_a_day_counted_nothing_is_expected_and_that_is_said(self):
        short = expected(history(np.full(LEAST_HOURS - 1, 9.0)))
        long_enough = expected(history(np.full(LEAST_HOURS, 9.0)))

        assert (short.is_known, short.tokens.sum()) == (False, 0)
        assert long_enough.is_known
        assert long_enough.tokens[0] == pytest.approx(np.full(48, 9.0))

    def test_counted_hours_in_which_nobody_asked_are_known(self):
        nobody = History(
            first_hour=MONDAY - 48 * HOUR, kinds=(), tokens=np.zeros((0, 48)), is_counted=np.ones(48, dtype=bool)
        )

        assert expected(nobody).is_known
        assert expected(nobody).tokens.sum() == 0

    @pytest.mark.parametrize(("minute", "rest"), [(0, 60), (1, 60), (30, 30), (31, 30), (44, 30), (59, 15)])
    def test_of_an_hour_that_has_begun_only_the_rest_is_expected_in_quarters(self, minute, rest):
        coming = expected(history(np.full(48, 60.0)), now=MONDAY + timedelta(minutes=60 + minute)).tokens[0]

        assert coming[:3] == pytest.approx([0, rest, 60])


def work_of(kinds: list[ArrivalKind], tokens) -> ExpectedWork:
    return ExpectedWork(kinds=tuple(kinds), tokens=np.array(tokens, dtype=float), hours_counted=168)


def groups_of(work: ExpectedWork, profiles: list[int]) -> ExpectedGroups:
    return expected_groups(
        work, profile_of_kind=np.array(profiles, dtype=np.int32), interactive_factor=1.6, flexible_factor=1.0
    )


class TestGroups:
    def test_each_hour_gives_a_group_with_the_factor_of_the_policy(self):
        groups = groups_of(work_of([kind(0), kind(2)], [[10, 0, 0, 0], [0, 10, 0, 0]]), [0, 0])

        rows = list(zip(groups.first_hour, groups.last_hour, groups.tokens, groups.is_interactive, strict=True))
        assert rows == [(0, 0, 16, True), (1, 3, 10, False)]

    def test_kinds_with_one_profile_and_window_are_one_group(self):
        groups = groups_of(work_of([kind(), kind(origin="FR"), kind(origin="DE")], [[5], [10], [20]]), [0, 1, 0])

        assert sorted(zip(groups.profile.tolist(), groups.tokens.tolist(), strict=True)) == [(0, 40), (1, 16)]

    def test_a_window_ends_with_the_plan(self):
        groups = groups_of(work_of([kind(6)], [[0, 0, 1]]), [0])

        assert groups.last_hour.tolist() == [2]

    def test_what_can_wait_long_or_has_nowhere_to_go_keeps_no_room(self):
        groups = groups_of(work_of([kind(7), kind(0)], [[10], [10]]), [0, -1])

        assert len(groups.tokens) == 0


def most(problem: Problem) -> Flow:
    return place_green(problem, service_tokens=None, seconds=60)


def coming(*rows: tuple[int, int, int, int, bool]) -> ExpectedGroups:
    """Rows of profile, first hour, last hour, tokens, whether interactive."""
    columns = list(zip(*rows, strict=True))
    small = [np.array(column, dtype=np.int32) for column in columns[:3]]
    return ExpectedGroups(
        profile=small[0],
        first_hour=small[1],
        last_hour=small[2],
        tokens=np.array(columns[3], dtype=np.int64),
        is_interactive=np.array(columns[4], dtype=bool),
    )


class TestRoom:
    def test_expected_work_keeps_its_share_of_the_clean_hour_where_that_costs_least(self):
        # The work in hand can wait for hour 1, the expected interactive work of hour 0 cannot.
        problem = make_problem(
            capacity=[[10, 10], [10, 10]], cost=[[1, 2], [9, 9]], sets=[[0, 1]], groups=[(0, 0, 1, 0, 10)]
        )

        kept = keep_room(problem, coming((0, 0, 0, 10, True)), most)

        assert kept.tolist() == [[10, 0], [0, 0]]

    def test_expected_interactive_work_goes_before_work_in_hand(self):
        problem = make_problem(capacity=[[10]], cost=[[1]], sets=[[0]], groups=[(0, 0, 0, 0, 8)])

        assert keep_room(problem, coming((0, 0, 0, 6, True)), most).tolist() == [[6]]

    def test_work_in_hand_goes_before_expected_work_that_can_wait(self):
        problem = make_problem(capacity=[[10]], cost=[[1]], sets=[[0]], groups=[(0, 0, 0, 0, 8)])

        assert keep_room(problem, coming((0, 0, 0, 6, False)), most).tolist() == [[2]]

    def test_expected_work_that_can_wait_leaves_the_last_hour_of_work_in_hand_to_it(self):
        problem = make_problem(capacity=[[10, 10]], cost=[[1, 50]], sets=[[0]], groups=[(0, 0, 0, 0, 10)])

        assert keep_room(problem, coming((0, 0, 1, 6, False)), most).tolist() == [[0, 6]]

    def test_where_nothing_is_expected_no_room_is_kept_and_nothing_is_solved(self):
        problem = make_problem(capacity=[[10]], cost=[[1]], sets=[[0]], groups=[(0, 0, 0, 0, 8)])
        nothing = groups_of(work_of([kind()], [[0]]), [0])

        def refuse(problem: Problem) -> Flow:
            raise AssertionError("solved for nothing")

        assert keep_room(problem, nothing, refuse).tolist() == [[0]]

    def test_room_is_kept_where_nothing_waits(self):
        problem = make_problem(capacity=[[10], [10]], cost=[[5], [1]], sets=[[0, 1]], groups=[])

        assert keep_room(problem, coming((0, 0, 0, 12, True)), most).tolist() == [[2], [10]]

    @given(seed=st.integers(0, 10_000), tokens=st.integers(1, 60), is_interactive=st.booleans())
    @settings(max_examples=60, deadline=None)
    def test_never_more_than_there_is_nor_more_than_is_expected_nor_at_the_cost_of_work_in_hand(
        self, seed, tokens, is_interactive
    ):
        problem = random_problem(seed)
        last = problem.capacity_tokens.shape[1] - 1

        kept = keep_room(problem, coming((0, 0, 0 if is_interactive else last, tokens, is_interactive)), most)

        assert (kept >= 0).all()
        assert (kept <= problem.capacity_tokens).all()
        assert kept.sum() <= tokens
        if not is_interactive:
            left = most(replace(problem, capacity_tokens=problem.capacity_tokens - kept))
            assert left.unserved_tokens == most(problem).unserved_tokens
