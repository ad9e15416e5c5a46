from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from budgets.domain.amounts import exact_steps, positive_steps
from budgets.domain.knobs import KnobSettings, check_knobs, checked_name, knob_steps
from budgets.domain.levels import Level, level_below, may_be_below
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from config.kernel.errors import InvalidInput

PLAIN = KnobSettings(
    unit=Unit.TOKENS,
    period=Period.DAY,
    base=1000,
    level=Level.SESSION,
    parent_level=Level.TEAM,
    parent_unit=Unit.TOKENS,
)


def test_settings_that_go_together_are_accepted():
    check_knobs(PLAIN)
    check_knobs(replace(PLAIN, rollover_percent=50, overflow_percent=20, pool=1000, floor=1000, warning_amounts=(1, 2)))
    check_knobs(replace(PLAIN, period=Period.ROLLING, window_hours=24))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"period": Period.ROLLING}, "window_hours"),
        ({"period": Period.ROLLING, "window_hours": 0}, "window_hours"),
        ({"period": Period.ROLLING, "window_hours": 745}, "window_hours"),
        ({"window_hours": 5}, "window_hours"),
        ({"rollover_percent": 101}, "rollover_percent"),
        ({"rollover_percent": -1}, "rollover_percent"),
        ({"rollover_cap_percent": 1001}, "rollover_cap_percent"),
        ({"overflow_percent": 1001}, "overflow_percent"),
        ({"tradeable_percent": 101}, "tradeable_percent"),
        ({"tradeable_percent": -1}, "tradeable_percent"),
        ({"period": Period.ONE_OFF, "rollover_percent": 1}, "rollover_percent"),
        ({"period": Period.ROLLING, "window_hours": 1, "rollover_percent": 1}, "rollover_percent"),
        ({"period": Period.ROLLING, "window_hours": 1, "overflow_percent": 1}, "overflow_percent"),
        ({"period": Period.ROLLING, "window_hours": 1, "pool": 1}, "pool"),
        ({"pool": 1001}, "pool"),
        ({"pool": 5, "pool_drawn": 6}, "pool"),
        ({"floor": 1001}, "floor"),
        ({"warning_amounts": (5, 5)}, "warning_amounts"),
        ({"warning_amounts": tuple(range(1, 12))}, "warning_amounts"),
        ({"level": Level.ORGANISATION}, "level"),
        ({"overflow_percent": 1, "parent_unit": Unit.CARBON_G}, "overflow_percent"),
        ({"overflow_percent": 1, "parent_unit": None, "parent_level": None}, "overflow_percent"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(changes: dict[str, Any], field: str):
    with pytest.raises(InvalidInput) as refused:
        check_knobs(replace(PLAIN, **changes))
    assert refused.value.field == field


def test_amounts_become_steps_of_the_unit():
    columns = knob_steps({"pool": Decimal("1.5"), "warning_amounts": [Decimal(2)], "needs_two": True}, Unit.CARBON_G)
    assert columns == {"pool": 1_500_000, "warning_amounts": [2_000_000], "needs_two": True}


@pytest.mark.parametrize(
    ("knobs", "field"),
    [
        ({"floor": Decimal("-1")}, "floor"),
        ({"pool": Decimal("0.5")}, "pool"),
        ({"warning_amounts": [Decimal(0)]}, "warning_amounts"),
        ({"pool": Decimal("1e19")}, "pool"),
        ({"pool": Decimal("1e999999")}, "pool"),
    ],
)
def test_an_amount_that_is_none_is_refused_by_name(knobs: Any, field: str):
    with pytest.raises(InvalidInput) as refused:
        knob_steps(knobs, Unit.TOKENS)
    assert refused.value.field == field


def test_an_amount_is_never_rounded():
    assert exact_steps(Unit.CARBON_G, Decimal("0.000001"), field="limit") == 1
    with pytest.raises(InvalidInput):
        exact_steps(Unit.CARBON_G, Decimal("0.0000001"), field="limit")
    with pytest.raises(InvalidInput):
        positive_steps(Unit.TOKENS, Decimal(0), field="limit")
    with pytest.raises(InvalidInput):
        positive_steps(Unit.TOKENS, Decimal("NaN"), field="limit")


@pytest.mark.parametrize("name", ["", "   ", "n" * 121])
def test_a_budget_has_a_name_that_fits(name):
    with pytest.raises(InvalidInput) as refused:
        checked_name(name)
    assert refused.value.field == "name"
    assert checked_name("  team ") == "team"


def test_levels_follow_the_tree():
    assert level_below(None, has_team=False) is Level.ORGANISATION
    assert level_below(None, has_team=True) is Level.TEAM
    assert level_below(Level.ORGANISATION, has_team=True) is Level.TEAM
    assert level_below(Level.TEAM, has_team=True) is Level.SESSION
    assert level_below(Level.SESSION, has_team=True) is Level.AGENT
    assert level_below(Level.PHASE, has_team=True) is Level.OPERATION
    for parent in Level:
        assert may_be_below(level_below(parent, has_team=True), parent)
    assert not may_be_below(Level.TEAM, Level.SESSION)
