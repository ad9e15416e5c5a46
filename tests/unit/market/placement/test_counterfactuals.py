"""What a request could have used, whether its place was the best, and what more freedom would have saved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from market.domain.placement.counterfactuals import (
    Place,
    base_facts,
    certify,
    more_hours,
    more_regions,
    options_of,
)
from tests.unit.market.examples import HOUR
from tests.unit.market.placement.plans import FAR, NEAR, TERMS, columns, party, plan, request_facts

COST = np.array([[900, 800, 700, 600], [300, 290, 280, 270]], dtype=np.int64)
PRICE = np.zeros((2, 4), dtype=np.int64)
LAST = HOUR + timedelta(hours=1, minutes=59)
NEAR_SITE, FAR_SITE = 0, 1


def made(price=PRICE, planned=None, **changes):
    arrays = {"cost_ng_per_token": COST, "hour_price_ng_per_token": price}
    if planned is not None:
        arrays["planned_tokens"] = arrays["drawn_tokens"] = np.array(planned, dtype=np.int64)
    inputs = plan(NEAR, FAR, arrays=arrays, parties=(party(),))
    request = replace(request_facts(columns({}), 0), latest_at=LAST, **changes)
    return inputs, base_facts(inputs, request, 0, terms=TERMS[1])


def options(price=PRICE, planned=None, *, latest_at=LAST, **changes):
    inputs, facts = made(price, planned, **changes)
    return inputs, facts, options_of(inputs, facts, TERMS[1], latest_at=latest_at)


def place(site: int, hour: int, tokens: int = 2000) -> Place:
    return Place(site=site, hour=hour, tokens=tokens, location_g=float(COST[site, hour]) * tokens * 1e-9)


def test_a_request_may_use_all_regions_of_its_class_within_its_window_cheapest_first():
    _, _, found = options()
    assert [each.cell for each in found] == [(FAR_SITE, 1), (FAR_SITE, 0), (NEAR_SITE, 1), (NEAR_SITE, 0)]


def test_named_regions_and_residency_narrow_what_it_may_use():
    assert {each.site for each in options(eligible_regions=("bd-1",))[2]} == {NEAR_SITE}
    assert {each.site for each in options(residency=("US",))[2]} == {FAR_SITE}


def test_a_highest_price_leaves_out_what_costs_more():
    inputs, facts, found = options(price_cap_micro_usd=10**9)
    dearest = max(each.posted_micro_usd for each in found)
    cheaper = replace(facts, price_cap_micro_usd=dearest - 1)
    assert len(options_of(inputs, cheaper, TERMS[1], latest_at=LAST)) < len(found)


def test_the_cheapest_place_is_certified():
    inputs, _, found = options()
    certificate = certify(inputs, place(FAR_SITE, 1), found)
    assert certificate.holds
    assert not certificate.crowded_out_of


def test_a_dirtier_place_is_beaten_by_those_with_room():
    inputs, _, found = options()
    certificate = certify(inputs, place(NEAR_SITE, 1), found)
    assert not certificate.holds
    assert [each.cell for each in certificate.beaten_by] == [(FAR_SITE, 1), (FAR_SITE, 0)]


def test_the_price_of_a_full_hour_makes_a_dirtier_place_the_best():
    price = PRICE.copy()
    price[FAR_SITE, :2] = 1000
    inputs, _, found = options(price)
    assert certify(inputs, place(NEAR_SITE, 1), found).holds


def test_a_cleaner_hour_without_room_for_the_whole_is_said_and_does_not_count():
    planned = [[0] * 4, [1_000_000, 999_000, 0, 0]]
    inputs, _, found = options(planned=planned)
    certificate = certify(inputs, place(NEAR_SITE, 1), found)
    assert certificate.holds
    assert [each.cell for each in certificate.crowded_out_of] == [(FAR_SITE, 1), (FAR_SITE, 0)]
    assert not certify(inputs, place(NEAR_SITE, 1, tokens=1000), found).holds


def test_a_place_out_of_its_window_is_not_eligible():
    inputs, _, found = options()
    assert not certify(inputs, place(FAR_SITE, 3), found).is_eligible


def test_two_hours_more_would_have_saved_the_difference_of_the_full_prices():
    inputs, facts, found = options()
    gained = more_hours(inputs, facts, TERMS[1], (place(FAR_SITE, 1),), found, LAST)
    assert gained.saved_g == pytest.approx((290 - 270) * 2000 * 1e-9)
    assert gained.option is not None
    assert gained.option.cell == (FAR_SITE, 3)


def test_two_hours_more_save_nothing_where_they_are_not_cleaner():
    price = PRICE.copy()
    price[:, 2:] = 5000
    inputs, facts, found = options(price)
    gained = more_hours(inputs, facts, TERMS[1], (place(FAR_SITE, 1),), found, LAST)
    assert (gained.saved_g, gained.option) == (0.0, None)


def test_one_more_region_would_have_saved_what_its_rules_cost():
    inputs, facts, found = options(eligible_regions=("bd-1",))
    gained = more_regions(inputs, facts, TERMS[1], (place(NEAR_SITE, 1),), found, LAST)
    assert gained.saved_g == pytest.approx((800 - 290) * 2000 * 1e-9)
    assert gained.option is not None
    assert gained.option.candidate.code == "us-1"


def test_savings_are_told_in_the_requests_own_mix_of_input_and_output():
    inputs, facts, found = options()
    half = replace(place(FAR_SITE, 1), location_g=place(FAR_SITE, 1).location_g / 2)
    gained = more_hours(inputs, facts, TERMS[1], (half,), found, LAST)
    assert gained.saved_g == pytest.approx((290 - 270) * 2000 * 1e-9 / 2)


def test_a_region_hour_that_could_not_hold_the_request_is_never_said_to_have_saved():
    inputs, facts, found = options()
    inputs.arrays["capacity_tokens"][:, 2:] = 1999
    gained = more_hours(inputs, facts, TERMS[1], (place(FAR_SITE, 1),), found, LAST)
    assert (gained.saved_g, gained.option) == (0.0, None)
