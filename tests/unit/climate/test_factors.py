"""The factors are those of the table, each with its source."""

from __future__ import annotations

import pytest

from climate.domain.carbon import LIFECYCLE_G_PER_KWH, intensity_of_mix
from climate.domain.factors import CARBON_FREE_SOURCES, FACTORS, RENEWABLE_SOURCES, _in_grams
from climate.domain.signal import Scope


def test_the_lifecycle_factors_are_the_published_medians():
    assert LIFECYCLE_G_PER_KWH == {
        "coal": 820,
        "gas": 490,
        "oil": 650,
        "nuclear": 12,
        "hydro": 24,
        "solar": 45,
        "wind": 11,
        "biofuel": 230,
        "other_renewable": 38,
    }
    assert intensity_of_mix({"coal": 0.25, "wind": 0.75}) == pytest.approx(213.25)


def test_every_factor_says_where_it_comes_from_and_since_when():
    assert all(each.reference and each.licence and each.valid_from.year >= 2011 for each in FACTORS)
    assert {each.scope for each in FACTORS} == {Scope.LIFECYCLE}


def test_what_is_renewable_and_carbon_free_has_a_factor():
    assert RENEWABLE_SOURCES < CARBON_FREE_SOURCES < LIFECYCLE_G_PER_KWH.keys()


def test_another_unit_is_refused_rather_than_mistaken():
    with pytest.raises(ValueError, match="kg/MWh"):
        _in_grams("1", "kg/MWh")
