from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from climate.domain.distance import distance_km
from climate.domain.energy import energy_wh
from climate.domain.interval import Interval

values = st.floats(0, 1e9)
intervals = st.lists(values, min_size=3, max_size=3).map(
    lambda found: Interval(**dict(zip(("low", "central", "high"), sorted(found), strict=True)))
)


@given(first=intervals, second=intervals, factor=values)
def test_products_and_sums_of_ranges_stay_ordered(first, second, factor):
    for result in (first.times(factor), first.times_interval(second), first.plus(second)):
        assert 0 <= result.low <= result.central <= result.high


@pytest.mark.parametrize("wrong", [(2, 1, 3), (1, 3, 2), (-1, 0, 1)])
def test_a_range_out_of_order_or_below_zero_is_refused(wrong):
    with pytest.raises(ValueError, match="interval"):
        Interval(low=wrong[0], central=wrong[1], high=wrong[2])


@given(
    model_class=st.sampled_from(["S", "M", "L", "XL", "XXL"]),
    given_tokens=st.integers(0, 10**9),
    output_tokens=st.integers(0, 10**9),
)
def test_more_tokens_never_take_less_energy(model_class, given_tokens, output_tokens):
    some = energy_wh(model_class, input_tokens=given_tokens, output_tokens=output_tokens, pue=1.1)
    more = energy_wh(model_class, input_tokens=given_tokens + 1, output_tokens=output_tokens + 1, pue=1.1)
    assert some.low <= some.central <= some.high
    assert more.low > some.low or more.central > some.central


def test_distances_are_great_circles():
    assert distance_km(52.52, 13.405, 48.8566, 2.3522) == pytest.approx(878, abs=2)
    assert distance_km(0, 179.5, 0, -179.5) == pytest.approx(111.2, abs=0.5)
    assert distance_km(10, 10, 10, 10) == 0
