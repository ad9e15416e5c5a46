from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.domain import figures

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (344.4, "340"),
        (36.4, "36"),
        (9.96, "10"),
        (0.0996, "0.10"),
        (0.01234, "0.012"),
        (12_345, "12,000"),
        (0, "0"),
        (None, "–"),
    ],
)
def test_carbon_has_two_significant_digits(value: float | None, shown: str) -> None:
    assert figures.two_digits(value) == shown


@pytest.mark.parametrize(
    ("grams", "shown"),
    [
        (60.0, "60 g CO₂e"),
        (0.0213, "21 mg CO₂e"),
        (0.0000042, "4.2 µg CO₂e"),
        (999.6, "1.0 kg CO₂e"),
        (1_234_567.0, "1.2 t CO₂e"),
        (-60.0, "-60 g CO₂e"),
        (0.0, "0 g CO₂e"),
        (None, "–"),
    ],
)
def test_a_mass_carries_the_unit_that_fits(grams: float | None, shown: str) -> None:
    assert figures.mass_text(grams) == shown


@pytest.mark.parametrize(
    ("micro_usd", "shown"),
    [
        (1_286_000, "$1.2860"),
        (123, "$0.000123"),
        (-600_000, "−$0.6000"),
        (1_000_000_000, "$1,000.00"),
        (0, "$0.00"),
        (None, "–"),
    ],
)
def test_dollars_never_round_a_small_price_away(micro_usd: int | None, shown: str) -> None:
    assert figures.usd(micro_usd) == shown


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(seconds=42), "42 s ago"),
        (timedelta(minutes=3, seconds=59), "3 min ago"),
        (timedelta(hours=30), "1 d ago"),
        (timedelta(days=-1), "in 1 d"),
        (timedelta(days=400), "of 17 Oct 2025"),
    ],
)
def test_an_age_is_told_in_the_largest_unit(age: timedelta, shown: str) -> None:
    assert figures.ago(NOW - age, now=NOW) == shown


def test_what_never_happened_has_no_age() -> None:
    assert figures.ago(None, now=NOW) == "never"
