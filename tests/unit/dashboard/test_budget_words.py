"""Amounts, bands, forecasts and alerts of budgets in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from budgets.domain.alerts import AlertFacts, AlertKind
from budgets.domain.exhaustion import ExhaustionForecast, Outlook
from budgets.domain.units import Unit
from dashboard.presentation.budget import composition, path_rows, rules
from dashboard.presentation.budgets import amount, budget_row, cell, exact, gauge, percent_words
from dashboard.presentation.forecasts import forecast_row
from dashboard.presentation.told import told_rows
from tests.unit.dashboard.test_rows import NOW, budget


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        ("1234567", Unit.TOKENS, "1,234,567 tokens"),
        ("1", Unit.TOKENS, "1 token"),
        ("1234.5", Unit.CARBON_G, "1,234.5 g CO₂e"),
        ("0.000001", Unit.CARBON_G, "0.000001 g CO₂e"),
        ("0", Unit.CARBON_G, "0 g CO₂e"),
        ("1234567", Unit.MICRO_USD, "$1.234567"),
        ("1234.5", Unit.ENERGY_WH, "1,234.5 Wh"),
        ("-2500", Unit.TOKENS, "−2,500 tokens"),
    ],
)
def test_the_ledger_is_exact_to_the_last_step(value, unit, words):
    assert exact(Decimal(value), unit) == words


def test_a_change_carries_its_sign():
    assert exact(Decimal(5), Unit.TOKENS, signed=True) == "+5 tokens"
    assert exact(Decimal("-0.5"), Unit.CARBON_G, signed=True) == "−0.5 g CO₂e"
    assert exact(Decimal(0), Unit.TOKENS, signed=True) == "0 tokens"


def test_the_tree_rounds_carbon_to_two_digits_and_never_calls_unknown_zero():
    assert cell(Decimal("12345"), Unit.CARBON_G) == "12 kg CO₂e"
    assert amount(Decimal("12345"), Unit.TOKENS) == "12,345 tokens"
    assert cell(None, Unit.TOKENS) == "–"


@pytest.mark.parametrize(
    ("wh", "words"),
    [("0", "0 Wh"), ("0.00025", "250 µWh"), ("12.3", "12 Wh"), ("999.6", "1.0 kWh"), ("12345", "12 kWh")],
)
def test_the_tree_writes_energy_in_the_unit_that_fits(wh, words):
    assert cell(Decimal(wh), Unit.ENERGY_WH) == words


@pytest.mark.parametrize(("percent", "words"), [(0.4, "0 %"), (99.4, "99 %"), (99.96, "100.0 %"), (100, "100 %")])
def test_only_what_is_full_is_called_full(percent, words):
    assert percent_words(percent) == words


def test_a_gauge_never_leaves_its_frame():
    drawn = gauge(spent=Decimal(80), reserved=Decimal(40), limit=Decimal(100))
    assert (drawn["spent_width"], drawn["held_width"]) == ("80.00", "20.00")
    assert gauge(spent=Decimal(0), reserved=Decimal(0), limit=Decimal(0))["spent_width"] == "0.00"


def test_a_rolling_budget_says_its_window():
    assert budget_row(replace(budget(1, used_percent=1, status="ok"), window_hours=36))["period"] == "in any 36 h"


def test_the_parts_of_a_limit_are_named_and_the_limit_ends_them():
    made = replace(budget(1, used_percent=0, status="ok"), base_limit=Decimal(75), carried=Decimal(30), sold=Decimal(5))
    assert [(part["name"], part["value"]) for part in composition(made)] == [
        ("Base", "75 tokens"),
        ("Carried over", "30 tokens"),
        ("Pooled", "0 tokens"),
        ("Bonus", "0 tokens"),
        ("Sold", "−5 tokens"),
        ("Limit", "100 tokens"),
    ]


def test_the_rules_say_which_class_it_pays_for_and_how_much_may_be_sold():
    made = replace(budget(1, used_percent=0, status="ok"), model_class="L", tradeable_percent=30)
    assert {**dict(rules(made))}.items() >= {
        "Pays for": "work of class L only",
        "May sell or lend away in a period": "30 % of the base",
    }.items()


def test_the_level_with_least_room_is_marked_in_each_unit_and_the_leaf_among_equals():
    root, leaf = budget(1, used_percent=50, status="ok"), budget(2, used_percent=50, status="ok")
    grams = replace(budget(3, used_percent=0, status="ok"), unit=Unit.CARBON_G)
    rows = path_rows([root, grams, None, leaf])
    assert [row.get("is_tightest") for row in rows] == [False, True, None, True]
    assert rows[2] == {"is_hidden": True}


def forecast(outlook: Outlook, **changes) -> ExhaustionForecast:
    made = ExhaustionForecast(
        budget_id=UUID(int=1),
        name="b1",
        unit=Unit.TOKENS,
        as_of=NOW,
        outlook=outlook,
        remaining=Decimal(100),
        burn_per_hour=Decimal(10),
        burn_low_per_hour=Decimal(5),
        burn_high_per_hour=Decimal(20),
        earliest_at=NOW + timedelta(hours=5),
        central_at=NOW + timedelta(hours=10),
        latest_at=None,
        resets_at=NOW + timedelta(hours=12),
        ends_by_itself=True,
        until=NOW + timedelta(hours=12),
        hours_used=72,
        basis="spending of the last 72 hours",
    )
    return replace(made, **changes)


def test_a_forecast_says_when_within_which_band_and_on_what_basis():
    row = forecast_row(forecast(Outlook.RUNS_OUT), now=NOW)
    assert (row["title"], row["when"]) == ("Runs out", "in 10 h")
    assert "80 % band from 01 Mar 2026 17:00 UTC to not before 02 Mar 2026 00:00 UTC" in row["words"]
    assert row["burn"] == "10 tokens an hour"
    assert row["basis"] == "spending of the last 72 hours"


def test_an_unknown_burn_is_unknown_and_no_zero():
    nothing = {"burn_per_hour": None, "burn_low_per_hour": None, "burn_high_per_hour": None, "central_at": None}
    row = forecast_row(forecast(Outlook.UNKNOWN, **nothing), now=NOW)
    assert (row["title"], row["burn"], row["burn_range"], row["when"]) == ("Unknown", "unknown", "", "")


@pytest.mark.parametrize("outlook", list(Outlook))
def test_every_outlook_has_words(outlook):
    row = forecast_row(forecast(outlook), now=NOW)
    assert row["title"]
    assert row["words"]


def alert(number: int, kind: AlertKind, **changes) -> AlertFacts:
    made = AlertFacts(
        id=number,
        kind=kind,
        at=NOW,
        budget_id=UUID(int=1),
        budget_name="b1",
        budget_level="team",
        organisation_id=1,
        team_id=None,
        team_name="",
        unit=Unit.TOKENS,
        period="month",
        period_starts_at=datetime(2026, 3, 1, tzinfo=UTC),
        resets_at=None,
        percent=85,
        amount=Decimal(12),
        limit=None,
        spent=None,
        reserved=None,
        runs_out_at=NOW,
        hold_id=None,
        is_fanned_out=True,
        waiting=0,
        delivered=0,
        failed=0,
    )
    return replace(made, **changes)


def test_a_budget_past_its_mark_is_told_once_with_when_it_passed():
    strained = budget(1, used_percent=90, status="critical")
    rows = told_rows([strained], [alert(2, AlertKind.PERCENT), alert(1, AlertKind.PERCENT, percent=75)])
    assert [row["note"] for row in rows] == [
        "90 % of its limit is spent or held; passed 85 % of its limit at 01 Mar 12:00 UTC"
    ]


def test_other_alerts_are_told_with_their_time_and_what_is_over_is_calm():
    kinds = (AlertKind.PERCENT, AlertKind.AMOUNT, AlertKind.OVERDRAFT, AlertKind.FORECAST)
    rows = told_rows([], [alert(number, kind) for number, kind in enumerate(kinds)])
    assert [row["tone"] for row in rows] == ["calm", "warn", "bad", "warn"]
    assert rows[0]["note"].endswith("; below its marks now")
    assert rows[2]["note"] == "overdrawn by 12 tokens at 01 Mar 12:00 UTC"
    assert "runs out at 01 Mar 2026 12:00 UTC" in rows[3]["note"]
    assert len({row["key"] for row in rows}) == 4
