from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from budgets.domain.advice import Advice, BudgetFigures, advise
from budgets.domain.bands import Bands
from budgets.domain.units import Unit

AT = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


def figures(**changes: Any) -> BudgetFigures:
    values: dict[str, Any] = {
        "id": UUID(int=1),
        "name": "desk",
        "level": "team",
        "unit": Unit.TOKENS,
        "limit": 10_000,
        "used": 6_000,
        "warning_amounts": (),
    }
    return BudgetFigures(**{**values, **changes})


def advice(*path: BudgetFigures, tokens: int) -> Advice:
    return advise(path, tokens=tokens, margin=500, bands=Bands(), as_of=AT)


def test_work_that_stays_below_every_threshold_is_not_warned_of():
    told = advice(figures(), tokens=999)
    assert not told.should_warn
    assert told.words == "Every budget of the path stays below its thresholds."
    assert told.lines[0].words == "desk would be at 75.0 %: 7,499 of 10,000 tokens."


def test_the_margin_counts():
    told = advice(figures(), tokens=1_000)
    assert told.should_warn
    assert told.lines[0].crosses == (75,)
    assert told.words == "desk would reach 75 %: 7,500 of 10,000 tokens."


@pytest.mark.parametrize(
    ("tokens", "crosses", "would_be"),
    [(2_000, (75, 85), "critical"), (3_000, (75, 85, 95), "emergency"), (3_500, (75, 85, 95), "emergency")],
)
def test_every_level_on_the_way_is_named(tokens, crosses, would_be):
    line = advice(figures(), tokens=tokens).lines[0]
    assert (line.crosses, line.would_be, line.fits) == (crosses, would_be, True)


def test_work_that_does_not_fit_passes_100_percent():
    line = advice(figures(), tokens=3_501).lines[0]
    assert line.crosses == (75, 85, 95, 100)
    assert line.fits is False
    assert line.words == "desk would need 10,001 of 10,000 tokens: that does not fit."


def test_a_budget_that_is_past_a_threshold_warns_without_crossing_it_again():
    told = advice(figures(used=7_600), tokens=10)
    assert told.should_warn
    assert told.lines[0].crosses == ()


def test_warning_amounts_are_thresholds_too():
    line = advice(figures(limit=200_000, used=100_000, warning_amounts=(150_000, 180_000)), tokens=49_500).lines[0]
    assert [int(each) for each in line.crosses_amounts] == [150_000]
    assert line.should_warn


def test_one_tight_budget_above_is_enough():
    told = advice(figures(used=0), figures(id=UUID(int=2), name="pool", used=9_000), tokens=100)
    assert told.should_warn
    assert [each.should_warn for each in told.lines] == [False, True]


def test_grams_and_money_are_unknown_before_a_quote():
    told = advice(figures(used=0), figures(id=UUID(int=2), name="carbon", unit=Unit.CARBON_G, used=1), tokens=100)
    assert not told.is_complete
    line = told.lines[1]
    assert (line.is_known, line.would_use, line.fits, line.should_warn) == (False, None, None, False)
    assert "carbon, in carbon_g, is unknown" in told.words
