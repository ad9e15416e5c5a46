"""How good the forecast is on grids that are made up, whose best possible error is known."""

from __future__ import annotations

import numpy as np
import pytest

from climate.domain.forecast.backtest import Backtest, backtest
from climate.services.forecasts.prior import load_prior
from tests.unit.climate.forecast.traces import wild

DAYS, WARM_UP = 150, 60 * 24
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def scored() -> list[Backtest]:
    return [backtest("XX", wild(DAYS, seed), prior=load_prior(), first_issue=WARM_UP) for seed in SEEDS]


def mean(values) -> float:
    return float(np.mean(list(values)))


def test_the_band_holds_four_hours_of_five(scored):
    coverages = [each.own.coverage_percent for each in scored]
    assert 76 < mean(coverages) < 80
    assert all(75 < each < 81 for each in coverages)


def test_the_next_hour_is_forecast_twice_as_well_as_by_the_last_one(scored):
    issues = np.arange(WARM_UP, DAYS * 24, 6)
    values = [wild(DAYS, seed).values for seed in SEEDS]
    persistence = mean(100 * np.abs(each[issues - 1] / each[issues] - 1).mean() for each in values)
    own = mean(each.own.mape_percent["+1 h"] for each in scored)
    assert own < 0.5 * persistence
    # The weather of the trace moves by 3 % an hour, at random: 2.4 % on average that nobody can foresee.
    assert 2.2 < own < 2.8


def test_the_coming_day_is_forecast_a_quarter_better_than_by_the_plain_blend(scored):
    own, plain = (mean(getattr(each, who).mape_percent["1-24 h"] for each in scored) for who in ("own", "plain"))
    assert own < 0.77 * plain
    assert 6.7 < own < 7.4
