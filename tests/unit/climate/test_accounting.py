"""Worked cases that anybody can check by hand."""

from __future__ import annotations

import re
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from climate.domain import carbon, energy
from climate.domain.carbon import (
    LIFECYCLE_G_PER_KWH,
    carbon_cost_usd,
    cfe_score,
    combined_deviation,
    embodied_g,
    geometric_range,
    intensity_of_mix,
    location_g,
    location_g_hourly,
    market_based,
    sci_g,
    whole_credits,
)
from climate.domain.energy import (
    DEFAULT_PUE,
    energy_it_wh,
    energy_per_1k_from_two_runs,
    energy_wh,
    it_energy_of_tokens_wh,
    overhead_kwh,
)
from climate.domain.interval import Interval

ROOT = Path(__file__).resolve().parents[3]
APPS = ("climate", "market", "dashboard")
OWN_FILES = {Path(each.__file__) for each in (carbon, energy) if each.__file__}


def formulas_of(module: ModuleType) -> set[str]:
    """Names of the public functions that the module itself defines."""
    found = [each for each in vars(module).values() if isinstance(each, FunctionType)]
    return {each.__name__ for each in found if each.__module__ == module.__name__ and each.__name__[0] != "_"}


def test_e1_energy_of_a_request():
    at_it = it_energy_of_tokens_wh(
        input_tokens=1500,
        cached_tokens=0,
        output_tokens=500,
        input_wh_per_1k=0.09,
        output_wh_per_1k=0.6,
        cached_factor=0.1,
    )
    assert at_it == pytest.approx(0.435, rel=1e-9)
    assert at_it * 1.15 == pytest.approx(0.50025, rel=1e-9)
    assert energy_wh("L", input_tokens=1500, output_tokens=500, pue=1.15).central == pytest.approx(0.50025, rel=1e-9)


def test_e3_the_founding_placeholder_is_a_hundred_wh_per_thousand_tokens():
    flat = it_energy_of_tokens_wh(
        input_tokens=0, cached_tokens=0, output_tokens=2000, input_wh_per_1k=0, output_wh_per_1k=100.0, cached_factor=0
    )
    assert flat / 1000 == pytest.approx(0.2)


def test_the_methodology_says_of_each_formula_whether_it_is_in_use():
    formulas = formulas_of(carbon) | formulas_of(energy)
    rows = re.findall(r"^\| ([^|]+) \| (`[^|]+) \|$", (ROOT / "docs/methodology.md").read_text(), re.MULTILINE)
    said = {name: used_by for used_by, names in rows for name in re.findall(r"`(\w+)`", names)}
    assert formulas <= set(said)
    callers = "".join(path.read_text() for app in APPS for path in (ROOT / app).rglob("*.py") if path not in OWN_FILES)
    for name in formulas - {"energy_it_wh", "it_energy_of_tokens_wh"}:  # steps of energy_wh
        assert bool(re.search(rf"\b{name}\b", callers)) != said[name].startswith("nothing yet"), name


def test_e5_energy_per_token_kind_from_two_measurements():
    per_input, per_output = energy_per_1k_from_two_runs(wh_8k_in_1k_out=3.39, wh_1k_in_8k_out=15.9)
    assert per_input == pytest.approx(0.17392113095238096, rel=1e-6)
    assert per_output == pytest.approx(1.9191778273809523, rel=1e-6)
    assert per_input / per_output == pytest.approx(0.09062272837412165, rel=1e-6)


def test_c1_location_based_grams():
    grams = location_g(Interval.exactly(0.50025), Interval.exactly(384.4))
    assert grams.central == pytest.approx(0.1922961, rel=1e-9)


def test_c3_intensity_of_a_mix():
    mix = {"coal": 0.3, "gas": 0.5, "wind": 0.2}
    assert intensity_of_mix(mix, {"coal": 820, "gas": 490, "wind": 11}) == pytest.approx(493.2, rel=1e-9)
    assert intensity_of_mix(mix) == pytest.approx(493.2, rel=1e-9)
    with pytest.raises(KeyError):
        intensity_of_mix({"dilithium": 1.0}, LIFECYCLE_G_PER_KWH)


def test_c5_market_based_by_the_hour_and_not_by_the_year():
    result = market_based(energy_kwh=[10, 10, 10], contracted_kwh=[12, 5, 0], residual_g_per_kwh=[400, 400, 500])
    assert result.matched_kwh == (10, 5, 0)
    assert result.total_matched_kwh == 15
    assert result.grams == pytest.approx(7000, rel=1e-9)


def test_c7_hourly_grams_weigh_each_hour_by_its_energy():
    grams = location_g_hourly([1, 2, 1], [100, 400, 250])
    assert grams == pytest.approx(1150, rel=1e-9)
    assert grams / 4 == pytest.approx(287.5, rel=1e-9)


def test_m1_embodied_share_of_an_hour():
    assert embodied_g(total_kg=1000, reserved_hours=1, lifespan_hours=35040) == pytest.approx(28.538812785388128)


def test_s1_software_carbon_intensity():
    per_token = sci_g(energy_kwh=10, intensity_g_per_kwh=400, embodied_grams=500, functional_units=2_000_000)
    assert per_token == pytest.approx(0.00225, rel=1e-9)
    per_thousand = sci_g(energy_kwh=10, intensity_g_per_kwh=400, embodied_grams=500, functional_units=2000)
    assert per_thousand == pytest.approx(2.25, rel=1e-9)


def test_s3_offsets_cannot_enter_the_software_carbon_intensity():
    values = {"energy_kwh": 10, "intensity_g_per_kwh": 400, "embodied_grams": 500, "functional_units": 1000}
    assert sci_g(**values) == pytest.approx(4.5, rel=1e-9)
    with pytest.raises(TypeError):
        sci_g(**values, offset_g=4500)  # type: ignore[call-arg]


def test_p1_overhead_of_the_building():
    assert 100 + overhead_kwh(100, pue=1.15) == pytest.approx(115.0, rel=1e-9)
    assert overhead_kwh(100, pue=1.15) == pytest.approx(15.0, rel=1e-9)


def test_u2_geometric_uncertainty():
    assert combined_deviation(2.0, 1.1) == pytest.approx(2.0130867471709437, rel=1e-6)
    spread = geometric_range(0.6, 2.0, 1.1)
    assert spread.low == pytest.approx(0.15225822777887377, rel=1e-6)
    assert spread.high == pytest.approx(2.3644042443659057, rel=1e-6)


@pytest.mark.parametrize(
    ("price", "cost"), [(80, 4.9152e-05), (100, 6.144e-05), (210, 0.000129024), (190, 0.000116736)]
)
def test_k2_carbon_cost(price, cost):
    assert carbon_cost_usd(0.6144, price_usd_per_t=price) == pytest.approx(cost, rel=1e-9)


def test_k4_credits_are_whole_tonnes():
    assert whole_credits(1_999_999) == (1, 999_999)


def test_the_score_of_hourly_clean_supply():
    score = cfe_score(load_kwh=[10, 10], contracted_kwh=[10, 4], grid_carbon_free_share=[0.2, 0.5])
    assert score == pytest.approx((10 + 4 + 6 * 0.5) / 20)
    with pytest.raises(ValueError, match="load"):
        cfe_score(load_kwh=[0], contracted_kwh=[1], grid_carbon_free_share=[0.5])


def test_cached_input_costs_a_tenth_and_an_unknown_pue_is_the_default():
    fresh = energy_it_wh("L", input_tokens=1000, output_tokens=0).central
    cached = energy_it_wh("L", input_tokens=0, output_tokens=0, cached_tokens=1000).central
    assert cached == pytest.approx(0.10 * fresh)
    assert energy_wh("L", input_tokens=1000, output_tokens=0).central == pytest.approx(fresh * DEFAULT_PUE)


def test_negative_tokens_and_unknown_classes_are_refused():
    with pytest.raises(ValueError, match="negative"):
        energy_it_wh("L", input_tokens=-1, output_tokens=0)
    with pytest.raises(KeyError):
        energy_it_wh("XXXL", input_tokens=1, output_tokens=0)
