from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.domain.explanation import explain, significant, usd
from market.domain.facts import DecisionFacts
from market.domain.footprint import Split
from market.domain.verdict import decide, keep_best, price_of
from tests.unit.market.examples import HOUR, NOW, candidate, facts, terms


def test_the_cleanest_region_with_room_serves():
    verdict = decide(
        terms(), facts(candidate("aa-dirty-1", 500), candidate("aa-clean-1", 40), candidate("aa-mid-1", 200))
    )
    assert verdict.outcome == "granted"
    assert verdict.granted_tokens == 2000
    assert verdict.chosen is not None
    assert verdict.chosen.code == "aa-clean-1"


def test_the_pue_counts_when_regions_are_compared():
    verdict = decide(terms(), facts(candidate("aa-hot-1", 100, pue=1.6), candidate("aa-cool-1", 120, pue=1.1)))
    assert verdict.chosen is not None
    assert verdict.chosen.code == "aa-cool-1"


def test_a_full_region_is_passed_over_and_named():
    full = candidate("aa-clean-1", 40, promised_tokens=999_999)
    verdict = decide(terms(), facts(full, candidate("aa-mid-1", 200)))
    assert verdict.chosen is not None
    assert verdict.chosen.code == "aa-mid-1"
    assert [(each.code, each.outcome) for each in verdict.looked_at] == [
        ("aa-clean-1", "only 1 tokens free in this hour"),
        ("aa-mid-1", "chosen"),
    ]


def test_what_fits_nowhere_whole_is_granted_in_part_where_most_is_free():
    verdict = decide(
        terms(),
        facts(
            candidate("aa-clean-1", 40, promised_tokens=999_900),
            candidate("aa-mid-1", 200, promised_tokens=999_000),
        ),
    )
    assert (verdict.outcome, verdict.granted_tokens) == ("partial", 1000)
    assert verdict.chosen is not None
    assert verdict.chosen.code == "aa-mid-1"


def test_no_room_at_all_is_a_denial_with_the_reason():
    verdict = decide(terms(), facts(candidate("aa-clean-1", 40, promised_tokens=1_000_000)))
    assert (verdict.outcome, verdict.granted_tokens, verdict.chosen) == ("denied", 0, None)
    assert verdict.reasons == ("1 region: full in this hour.",)


def test_no_region_with_the_model_class_is_a_denial_that_says_so():
    assert decide(terms(), facts()).reasons == ("No active region has capacity for model class L.",)


def test_a_region_beyond_the_latency_class_does_not_serve():
    near, far = candidate("aa-near-1", 500, distance_km=900.0), candidate("aa-far-1", 20, distance_km=9000.0)
    verdict = decide(terms(), facts(near, far, latency_km=4000.0))
    assert verdict.chosen == near
    assert ("aa-far-1", "too far for the latency class") in [(each.code, each.outcome) for each in verdict.looked_at]


def test_where_nothing_is_near_enough_the_nearest_serves():
    near, far = candidate("aa-near-1", 500, distance_km=5000.0), candidate("aa-far-1", 20, distance_km=9000.0)
    assert decide(terms(), facts(near, far, latency_km=4000.0)).chosen == near


def test_only_eligible_regions_serve():
    verdict = decide(
        terms(), facts(candidate("aa-clean-1", 40), candidate("aa-mid-1", 200), eligible_regions=("aa-mid-1",))
    )
    assert verdict.chosen is not None
    assert verdict.chosen.code == "aa-mid-1"


def test_an_entered_time_counts_as_the_distance_it_stands_for():
    slow = candidate("aa-slow-1", 20, distance_km=900.0, reach_km=5000.0)
    quick = candidate("aa-quick-1", 40, distance_km=6000.0, reach_km=3000.0)
    verdict = decide(terms(), facts(slow, quick, latency_class="interactive", latency_km=4000.0))
    assert verdict.chosen == quick
    assert ("aa-slow-1", "too far for the latency class") in [(each.code, each.outcome) for each in verdict.looked_at]


def test_data_stays_in_the_countries_that_are_named():
    abroad = candidate("bb-clean-1", 10, country="BB")
    at_home = candidate("aa-dirty-1", 400, country="AA")
    verdict = decide(terms(), facts(abroad, at_home, residency=("AA", "CC")))
    assert verdict.chosen == at_home
    assert ("bb-clean-1", "outside of AA, CC, which its data may not leave") in [
        (each.code, each.outcome) for each in verdict.looked_at
    ]
    assert "Its data may not leave AA, CC." in verdict.reasons


def test_distance_never_opens_a_country_that_data_may_not_go_to():
    near = candidate("bb-near-1", 10, country="BB", distance_km=100.0)
    far = candidate("aa-far-1", 400, country="AA", distance_km=9000.0)
    asked = facts(near, far, residency=("AA",), latency_class="interactive", latency_km=4000.0)
    assert decide(terms(), asked).chosen == far


def test_work_that_demands_clean_supply_runs_only_where_contracts_and_grid_give_it():
    grid_only = candidate("aa-grid-1", 30, carbon_free_share=0.7)
    both = candidate("aa-both-1", 90, carbon_free_share=0.5, contracted_cfe_share=0.8)
    unknown = candidate("aa-unknown-1", 10)
    verdict = decide(terms(), facts(grid_only, both, unknown, min_cfe_share=0.9))
    assert verdict.chosen == both
    outcomes = {each.code: each.outcome for each in verdict.looked_at}
    assert outcomes["aa-grid-1"] == "carbon-free share below 90%"
    assert outcomes["aa-unknown-1"] == "carbon-free share not known"
    assert "Carbon-free share 90%, demanded 90%." in verdict.reasons


def test_a_demand_that_no_region_meets_is_a_denial_that_says_how_clean_it_gets():
    verdict = decide(terms(), facts(candidate("aa-grid-1", 30, carbon_free_share=0.7), min_cfe_share=0.9))
    assert verdict.outcome == "denied"
    assert verdict.reasons == (
        "1 region: carbon-free share below 90%.",
        "The highest carbon-free share that is known is 70%.",
    )


def test_a_denial_over_many_region_hours_is_stored_with_what_explains_it():
    many = [candidate(f"bb-region-{number}", 10.0 + number, country="BB") for number in range(100)]
    kept = keep_best(facts(*many, residency=("AA",)), 60)
    assert (len(kept.candidates), kept.left_out) == (60, 40)
    assert decide(terms(), kept).reasons == ("60 regions: outside of AA, which its data may not leave.",)


def test_a_price_cap_is_kept_or_the_request_denied():
    paying = decide(terms(), facts(candidate(), price_cap_micro_usd=1_000_000))
    denied = decide(terms(), facts(candidate(), price_cap_micro_usd=10))
    assert paying.price is not None
    assert paying.price.total <= 1_000_000
    assert denied.outcome == "denied"
    assert denied.reasons == ("1 region: above the price cap.", "The cheapest would cost 0.006028 US$.")


def test_energy_and_carbon_follow_the_formula():
    verdict = decide(terms(), facts(candidate(intensity=400.0, pue=1.15), input_tokens=1500, tokens=2000))
    assert verdict.footprint is not None
    assert verdict.footprint.energy_wh_central == pytest.approx(0.50025)
    assert verdict.footprint.location_g_central == pytest.approx(0.2001)


def test_a_part_of_a_request_counts_its_output_first_and_more_than_asked_counts_as_output():
    asked = facts(candidate(pue=1.0, promised_tokens=999_900), tokens=1000, input_tokens=500)
    part = decide(terms(), asked)
    assert (part.outcome, part.granted_tokens) == ("partial", 100)
    assert part.footprint is not None
    assert part.footprint.energy_wh_central == pytest.approx(100 * 0.6 / 1000)
    _, beyond = price_of(terms(), asked, asked.candidates[0], 1200, fund_available_micro_usd=0)
    assert beyond.energy_wh_central == pytest.approx((500 * 0.09 + 700 * 0.6) / 1000)


def test_a_reported_split_counts_input_cache_and_output_each_at_its_own_energy():
    asked = facts(candidate(pue=1.0, intensity=400.0), tokens=1000, input_tokens=500)
    split = Split(input_tokens=800, cached_tokens=600)
    _, reported = price_of(terms(), asked, asked.candidates[0], 1200, fund_available_micro_usd=0, split=split)
    assert reported.energy_wh_central == pytest.approx((200 * 0.09 + 600 * 0.09 * 0.10 + 400 * 0.6) / 1000)
    assert reported.energy_wh_low == pytest.approx((200 * 0.007 + 600 * 0.007 * 0.05 + 400 * 0.14) / 1000)
    assert reported.energy_wh_high == pytest.approx((200 * 0.78 + 600 * 0.78 * 0.35 + 400 * 1.96) / 1000)
    assert reported.location_g_central == pytest.approx(reported.energy_wh_central * 400 / 1000)


def test_where_the_split_is_reported_no_note_says_that_it_is_not_known():
    asked = facts(candidate(), tokens=1000, input_tokens=None)
    _, unknown = price_of(terms(), asked, asked.candidates[0], 1000, fund_available_micro_usd=0)
    split = Split(input_tokens=400)
    _, reported = price_of(terms(), asked, asked.candidates[0], 1000, fund_available_micro_usd=0, split=split)
    assert any("all tokens count as output" in note for note in unknown.notes)
    assert not any("all tokens count as output" in note for note in reported.notes)


def test_of_many_region_hours_the_eligible_and_cleanest_are_kept():
    many = [candidate(f"aa-{index:03d}", 10 + index) for index in range(100)]
    asked = facts(*many, eligible_regions=tuple(f"aa-{index:03d}" for index in range(50, 100)))
    kept = keep_best(asked, 20)
    assert [each.code for each in kept.candidates] == [f"aa-{index:03d}" for index in range(50, 70)]
    assert kept.left_out == 80
    assert decide(terms(), kept).chosen == decide(terms(), asked).chosen
    assert "80 more were set aside" in decide(terms(), kept).reasons[0]
    assert keep_best(asked, 100) == asked


def test_only_regions_with_room_are_counted_as_compared():
    verdict = decide(
        terms(), facts(candidate("aa-1"), candidate("aa-2", 500), candidate("aa-3", promised_tokens=10**6))
    )
    assert verdict.reasons[0] == "Cleanest of the 2 regions within reach with room for it."


def test_the_seed_policy_takes_energy_flat_and_without_pue():
    verdict = decide(terms("seed-2025"), facts(candidate(intensity=300.0, pue=1.6)))
    assert verdict.footprint is not None
    assert verdict.footprint.energy_wh_central == 200.0
    assert verdict.footprint.location_g_central == 60.0


def test_avoided_emissions_compare_with_the_home_region_and_may_be_negative():
    home = candidate("aa-home-1", 300, pue=1.1)
    better = decide(terms(), facts(candidate("aa-clean-1", 100), home=home)).footprint
    worse = decide(terms(), facts(candidate("aa-far-1", 500), home=home)).footprint
    assert better is not None
    assert worse is not None
    assert better.avoided_g == pytest.approx(2 * better.location_g_central)
    assert worse.avoided_g == pytest.approx(-0.4 * worse.location_g_central)


def test_contracted_supply_lowers_only_the_market_based_figure():
    print_ = decide(terms(), facts(candidate(intensity=200.0, contracted_cfe_share=0.75))).footprint
    assert print_ is not None
    assert print_.market_g == pytest.approx(0.25 * print_.location_g_central)


def test_facts_come_back_from_json_unchanged():
    stored = facts(candidate(low_g_per_kwh=50.5, high_g_per_kwh=150.1), candidate("bb-1"), home=candidate("cc-1"))
    assert DecisionFacts.from_json(json.loads(json.dumps(stored.to_json()))) == stored


def test_facts_of_decisions_from_before_residency_and_clean_supply_still_read_back():
    stored = facts(candidate()).to_json()
    table = stored["candidates"]
    new = ("country", "reach_km", "carbon_free_share", "room_tokens")
    kept = [index for index, name in enumerate(table["columns"]) if name not in new]
    old = {name: value for name, value in stored.items() if name not in ("residency", "min_cfe_share")}
    old["candidates"] = {
        "columns": [table["columns"][index] for index in kept],
        "rows": [[row[index] for index in kept] for row in table["rows"]],
    }
    back = DecisionFacts.from_json(json.loads(json.dumps(old)))
    assert decide(terms(), back) == decide(terms(), facts(candidate()))


@given(
    intensities=st.lists(st.floats(10, 1300), min_size=1, max_size=12),
    promised=st.lists(st.integers(0, 1_000_000), min_size=12, max_size=12),
    tokens=st.integers(1, 1_500_000),
    shuffle=st.randoms(),
)
def test_a_verdict_is_feasible_cleanest_and_independent_of_order(intensities, promised, tokens, shuffle):
    candidates = [
        candidate(f"aa-{index:02d}", intensity, promised_tokens=promised[index])
        for index, intensity in enumerate(intensities)
    ]
    verdict = decide(terms(), facts(*candidates, tokens=tokens))
    mixed = list(candidates)
    shuffle.shuffle(mixed)
    again = decide(terms(), facts(*mixed, tokens=tokens))
    assert (again.outcome, again.granted_tokens, again.chosen) == (
        verdict.outcome,
        verdict.granted_tokens,
        verdict.chosen,
    )
    roomy = [each for each in candidates if each.free_tokens >= tokens]
    if roomy:
        assert verdict.outcome == "granted"
        assert verdict.chosen is not None
        assert verdict.chosen.grid_g_per_it_kwh == min(each.grid_g_per_it_kwh for each in roomy)
    else:
        assert verdict.granted_tokens == max(each.free_tokens for each in candidates)


def test_asking_for_more_never_raises_the_weight():
    assert (
        decide(terms(), facts(candidate(), tokens=10)).weight
        == decide(terms(), facts(candidate(), tokens=900_000)).weight
    )


def test_the_explanation_says_where_why_how_much_and_for_what_price():
    asked = facts(candidate("aa-clean-1", 40), candidate("aa-dirty-1", 500), home=candidate("aa-dirty-1", 500))
    verdict = decide(terms(), asked)
    words = explain(asked, verdict, policy="default v1")
    for part in ("Granted 2,000 tokens in AA-CLEAN-1", "at once", "40 g CO2e/kWh (live, a test)",
                 "estimated, unverified", "Weight 10 (purpose 5 x geographic 2)", "Policy default v1."):  # fmt: skip
        assert part in words
    assert usd(verdict.price.total) in words  # type: ignore[union-attr]


def test_work_never_starts_before_it_is_asked_for_or_may_start():
    assert decide(terms(), facts(candidate())).starts_at == NOW
    in_hour = NOW + timedelta(hours=1, minutes=5)
    later = decide(terms(), facts(candidate(starts_at=HOUR + timedelta(hours=1)), earliest_at=in_hour))
    assert later.starts_at == in_hour


def test_the_explanation_of_a_later_hour_names_it():
    asked = facts(candidate(starts_at=HOUR + timedelta(hours=5)))
    assert "at 2026-03-04 15:00 UTC" in explain(asked, decide(terms(), asked), policy="default v1")


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.01234, "0.012"), (1234.5, "1200"), (0.000000123, "0.00000012"), (9.96, "10")]
)
def test_figures_are_said_with_two_significant_digits(value, text):
    assert significant(value) == text


@pytest.mark.parametrize(("micro", "text"), [(1_286_000, "1.286000"), (-600_000, "-0.600000"), (0, "0.000000")])
def test_money_is_said_as_an_exact_decimal(micro, text):
    assert usd(micro) == text
