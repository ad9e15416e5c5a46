"""What placements take from budgets: one row and a million say the same."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from budgets.domain.units import Amounts, Unit, to_steps
from market.domain.placement.promised import add_up, millionths, promised_amounts, promised_columns

grams = st.floats(min_value=0, max_value=1e12) | st.integers(0, 10**12).map(lambda steps: steps / 1_000_000)


def test_carbon_and_energy_are_rounded_up_and_a_price_below_zero_takes_nothing():
    taken = promised_amounts(tokens=5, location_g=0.0000011, total_micro_usd=-3, energy_wh=0.0000021)
    assert taken == Amounts(tokens=5, carbon_ug=2, micro_usd=0, energy_uwh=3)


@given(st.lists(grams, max_size=20))
@example([0.000003, 0.1, 0.3, 1.1, 2.2e-6, 4.35])
def test_many_are_rounded_to_the_step_as_each_alone(values):
    expected = [to_steps(Unit.CARBON_G, Decimal(str(each))) for each in values]
    assert millionths(np.array(values, dtype=np.float64)).tolist() == expected


def test_columns_are_what_single_rows_are():
    tokens, location_g, total = np.array([1, 2]), np.array([0.5, 0.0000001]), np.array([7, -7])
    energy_wh = np.array([2.5, 0.00000025])
    columns = promised_columns(tokens=tokens, location_g=location_g, total_micro_usd=total, energy_wh=energy_wh)
    rows = [
        promised_amounts(
            tokens=tokens[at].item(),
            location_g=location_g[at].item(),
            total_micro_usd=total[at].item(),
            energy_wh=energy_wh[at].item(),
        )
        for at in range(2)
    ]
    assert [column.tolist() for column in columns] == [
        [row.tokens for row in rows],
        [row.carbon_ug for row in rows],
        [row.micro_usd for row in rows],
        [row.energy_uwh for row in rows],
    ]
    assert add_up(rows) == Amounts(tokens=3, carbon_ug=500_001, micro_usd=7, energy_uwh=2_500_001)
