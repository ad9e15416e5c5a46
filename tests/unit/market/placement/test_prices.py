from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from market.domain.placement.prices import UNLIMITED, PricedCells, PricedRows, PriceTable, urgency
from market.domain.policy import Justice, PolicyTerms
from market.domain.price import PriceInputs, price
from tests.unit.market.examples import BANGLADESH, terms

COUNT = 4000
TIES = replace(
    terms(),
    rate_usd_per_token={"L": Decimal("0.00000015")},
    carbon_usd_per_t=Decimal("0.15"),
    justice=Justice(kind="fixed", phi=Decimal(0), discount=Decimal("0.7"), premium=Decimal(0)),
    renewable_discount=Decimal("0.3"),
    electricity_usd_per_kwh=Decimal("0.00115"),
)
"""Whole numbers of tokens, grams and watt-hours come to half a micro-USD again and again."""


def assert_priced_alike(own: PolicyTerms, rows: PricedRows) -> None:
    """`quote` says of each row what `price` says."""
    cells = PricedCells(model_class=["L"], utilisation=[0.0], renewable_share=[1.0])
    quotes = PriceTable(own, cells=cells, countries=[BANGLADESH], mean_need_score=None).quote(rows)
    for row in range(len(rows.tokens)):
        exact = price(
            own,
            PriceInputs(
                tokens=int(rows.tokens[row]),
                model_class="L",
                energy_wh=float(rows.energy_wh[row]),
                location_g=float(rows.location_g[row]),
                utilisation=0.0,
                window_hours=float(rows.window_hours[row]),
                need_score=None,
                mean_need_score=None,
                is_global_south=True,
                renewable_share=1.0,
                fund_available_micro_usd=UNLIMITED,
            ),
        )
        found = (quotes.service[row], quotes.carbon[row], quotes.justice[row], quotes.renewable[row])
        assert found == (exact.service, exact.carbon, exact.justice, exact.renewable)


def rows(**changes: np.ndarray) -> PricedRows:
    values = {
        "tokens": np.arange(1, COUNT + 1),
        "cell": np.zeros(COUNT, dtype=np.int32),
        "country": np.zeros(COUNT, dtype=np.int32),
        "window_hours": np.zeros(COUNT),
        "energy_wh": np.zeros(COUNT),
        "location_g": np.arange(COUNT) / 1.0,
    }
    return PricedRows(**{**values, **changes})


def test_halves_go_up_wherever_floats_put_them():
    assert_priced_alike(TIES, rows())


def test_discounts_end_at_electricity_to_the_last_micro_usd():
    given_away = replace(TIES, rate_usd_per_token={"L": Decimal("0.001")})  # no other ties: only electricity is paid
    assert_priced_alike(given_away, rows(energy_wh=np.arange(COUNT) / 1.0, location_g=np.zeros(COUNT)))


@pytest.mark.parametrize("full", [1.0, 7.0, 24.0])
def test_how_long_work_can_wait_is_rounded_as_python_rounds_it(full):
    own = replace(terms(), urgency_full_window_hours=full, urgency_min=Decimal(0))
    halves = (np.arange(COUNT) + 0.5) / 1_000_000 * full
    steps = [round(share, 6) for share in (halves / full).tolist()]
    assert urgency(own, halves).tolist() == pytest.approx([1 - step for step in steps], abs=1e-12)
    assert_priced_alike(replace(own, rate_usd_per_token={"L": Decimal(1)}), rows(window_hours=halves))


def test_money_too_large_for_floats_is_exact():
    many = np.full(COUNT, 10**12) - np.arange(COUNT)
    assert_priced_alike(replace(terms(), rate_usd_per_token={"L": Decimal("0.123456789")}), rows(tokens=many))
