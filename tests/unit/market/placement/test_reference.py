from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.domain.placement.columns import RequestColumns
from market.domain.placement.eligibility import eligibility_of
from market.domain.placement.figures import Placed, figures_of
from market.domain.placement.plan import PlanInputs
from market.domain.placement.reference import Savings, compare, run_at_home
from tests.unit.market.placement.plans import COUNTRIES, HOUR_US, NOW_US, TERMS, columns, plan

HOME, AWAY = 0, 1


def at_home(inputs: PlanInputs, requests: RequestColumns, room: list[int]) -> Placed:
    windows = eligibility_of(inputs, requests, terms=TERMS, countries=COUNTRIES)
    return run_at_home(
        inputs,
        requests,
        first_hour=windows.first_hour,
        last_hour=windows.last_hour,
        room_tokens=np.array([room, [0] * len(room)]),
    )


def rows(placed: Placed) -> list[tuple[int, int, int, int]]:
    return list(
        zip(placed.request.tolist(), placed.site.tolist(), placed.hour.tolist(), placed.tokens.tolist(), strict=True)
    )


def placed(*some: tuple[int, int, int, int]) -> Placed:
    request, site, hour, tokens = np.array(some, dtype=np.int64).reshape(-1, 4).T
    return Placed(
        request=request.astype(np.int32), site=site.astype(np.int32), hour=hour.astype(np.int32), tokens=tokens
    )


def savings(inputs: PlanInputs, requests: RequestColumns, planned: Placed, reference: Placed) -> Savings:
    return compare(
        inputs,
        requests,
        planned=planned,
        reference=reference,
        eligibility=eligibility_of(inputs, requests, terms=TERMS, countries=COUNTRIES),
        terms=TERMS,
    )


def test_work_runs_at_home_as_soon_as_it_may():
    requests = columns({}, {"earliest_us": NOW_US + HOUR_US})
    assert rows(at_home(plan(), requests, [9000] * 4)) == [(0, HOME, 0, 2000), (1, HOME, 1, 2000)]


def test_who_came_first_is_served_first_and_the_others_wait_while_home_is_full():
    requests = columns({"created_us": NOW_US}, {"created_us": NOW_US - 1})
    assert rows(at_home(plan(), requests, [3000] * 4)) == [
        (1, HOME, 0, 2000),
        (0, HOME, 0, 1000),
        (0, HOME, 1, 1000),
    ]


def test_what_finds_no_room_by_its_deadline_is_missed():
    requests = columns({"latest_us": NOW_US}, {"latest_us": NOW_US + HOUR_US})
    assert rows(at_home(plan(), requests, [500, 600, 9000, 9000])) == [(0, HOME, 0, 500), (1, HOME, 1, 600)]


def test_work_without_a_home_does_not_run_at_home():
    nowhere = plan(home_of_origin={}, reach_km={})
    assert rows(at_home(nowhere, columns({}), [9000] * 4)) == []


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_serving_in_arrays_is_serving_one_after_the_other(data):
    hours, count = 4, data.draw(st.integers(1, 8))
    room = data.draw(st.lists(st.integers(0, 30), min_size=hours, max_size=hours))
    asked = []
    for _ in range(count):
        first = data.draw(st.integers(0, 4))
        asked.append(
            {
                "tokens": data.draw(st.integers(1, 20)),
                "created_us": NOW_US - data.draw(st.integers(0, 3)),
                "earliest_us": NOW_US + first * HOUR_US,
                "latest_us": NOW_US + (first + data.draw(st.integers(0, 3))) * HOUR_US,
            }
        )
    requests = columns(*asked)
    found = {(request, hour): tokens for request, _, hour, tokens in rows(at_home(plan(), requests, room))}
    first = [(each["earliest_us"] - NOW_US) // HOUR_US for each in asked]
    last = [(each["latest_us"] - NOW_US) // HOUR_US for each in asked]
    left = [each["tokens"] for each in asked]
    expected: dict[tuple[int, int], int] = {}
    for hour, free in enumerate(room):
        for request in sorted(range(count), key=lambda each: (first[each], asked[each]["created_us"], each)):
            given_tokens = min(free, left[request]) if first[request] <= hour <= last[request] else 0
            if given_tokens:
                expected[request, hour] = given_tokens
                left[request] -= given_tokens
                free -= given_tokens
    assert found == expected


def test_a_plan_that_does_what_the_reference_does_saves_nothing():
    requests = columns({"tokens": 5000, "input_tokens": 4000}, {"policy_id": 2})
    reference = at_home(plan(), requests, [3000] * 4)
    told = savings(plan(), requests, reference, reference)
    assert told.saved_g == 0
    assert told.compared_tokens == 7000


def test_savings_are_the_avoided_grams_of_the_placements_where_home_has_room_at_once():
    inputs, requests = plan(), columns({"input_tokens": 500}, {"policy_id": 2, "tokens": 700})
    planned = placed((0, AWAY, 2, 2000), (1, AWAY, 1, 700))
    told = savings(inputs, requests, planned, at_home(inputs, requests, [9000] * 4))
    figures = figures_of(inputs, requests, planned, terms=TERMS, countries=COUNTRIES, fund_available_micro_usd=0)
    assert told.plan_g == pytest.approx(figures.location_g.sum())
    assert told.saved_g == pytest.approx(figures.avoided_g.sum())
    assert told.saved_share == pytest.approx(told.saved_g / told.reference_g)


def test_work_that_is_not_served_is_no_saving():
    inputs, requests = plan(), columns({}, {"latest_us": NOW_US})
    reference = at_home(inputs, requests, [9000] * 4)
    told = savings(inputs, requests, placed((0, HOME, 0, 2000)), reference)
    assert told.saved_g == 0
    assert (told.missed_tokens, told.only_reference_tokens) == (2000, 2000)


def test_work_that_only_the_plan_serves_is_neither_saving_nor_loss():
    inputs, requests = plan(), columns({}, {"latest_us": NOW_US})
    reference = at_home(inputs, requests, [2000, 0, 0, 0])
    told = savings(inputs, requests, placed((0, AWAY, 0, 2000), (1, AWAY, 0, 2000)), reference)
    alone = savings(inputs, requests, placed((0, AWAY, 0, 2000)), reference)
    assert told.saved_g == alone.saved_g > 0
    assert (told.only_plan_tokens, told.reference_missed_tokens) == (2000, 2000)


def test_of_a_part_only_the_part_is_compared():
    inputs, requests = plan(), columns({"input_tokens": 1500})
    reference = at_home(inputs, requests, [9000] * 4)
    whole = savings(inputs, requests, placed((0, AWAY, 0, 2000)), reference)
    half = savings(inputs, requests, placed((0, AWAY, 0, 1000)), reference)
    assert half.compared_tokens == 1000
    assert half.saved_g == pytest.approx(whole.saved_g / 2)


def test_the_parts_of_a_split_request_weigh_together_what_the_whole_weighs():
    inputs, requests = plan(), columns({"input_tokens": 1500})
    reference = at_home(inputs, requests, [9000] * 4)
    whole = savings(inputs, requests, placed((0, AWAY, 0, 2000)), reference)
    split = savings(inputs, requests, placed((0, AWAY, 0, 700), (0, AWAY, 0, 1300)), reference)
    assert split.plan_g == pytest.approx(whole.plan_g)


def test_what_is_due_after_the_plan_is_not_missed():
    requests = columns({"latest_us": NOW_US + 5 * HOUR_US})
    nothing = placed()
    assert savings(plan(hours=4), requests, nothing, nothing).missed_tokens == 0
    assert savings(plan(hours=6), requests, nothing, nothing).missed_tokens == 2000


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_bound_is_each_request_in_its_cleanest_hour_and_region(data):
    grid = np.array(data.draw(st.lists(st.integers(10, 900), min_size=10, max_size=10)), dtype=np.float64)
    inputs = plan(hours=5, arrays={"intensity_g_per_kwh": grid.reshape(2, 5)})
    asked: list[dict[str, Any]] = [
        {
            "latest_us": NOW_US + data.draw(st.integers(0, 5)) * HOUR_US,
            "policy_id": data.draw(st.sampled_from([1, 2])),
            "eligible_regions": data.draw(st.sampled_from([None, ("bd-1",), ("us-1",)])),
        }
        for _ in range(3)
    ]
    requests = columns(*asked)
    everywhere = eligibility_of(inputs, requests, terms=TERMS, countries=COUNTRIES)
    least = 0.0
    for request in range(3):
        options = [
            savings(inputs, requests, placed((request, site, hour, 2000)), placed((request, HOME, 0, 2000))).plan_g
            for hour in range(everywhere.first_hour[request], everywhere.last_hour[request] + 1)
            for site in np.flatnonzero(
                everywhere.is_eligible[everywhere.set_of_hour[everywhere.profile[request], hour]]
            )
        ]
        least += min(options)
    full = placed(*((request, HOME, 0, 2000) for request in range(3)))
    assert savings(inputs, requests, full, full).bound_g == pytest.approx(least)


def test_a_home_that_does_not_serve_the_class_gives_way_to_the_nearest_site_that_does():
    near, far = plan().sites
    small = replace(far, model_class="S")
    requests = columns({"model_class": "S"})
    inputs = plan(near, far, small)
    room = np.full((3, 4), 9000)
    windows = eligibility_of(inputs, requests, terms=TERMS, countries=COUNTRIES)
    reference = run_at_home(
        inputs, requests, first_hour=windows.first_hour, last_hour=windows.last_hour, room_tokens=room
    )
    assert rows(reference) == [(0, 2, 0, 2000)]
