from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.domain.bands import Bands, percentages_passed, status_of
from budgets.domain.estimates import EstimateTerms, Mode, choose_mode, cold_start
from budgets.domain.periods import Period, bounds
from budgets.domain.units import Unit, from_steps, to_steps

SPAN = {"min_value": datetime(2000, 1, 1), "max_value": datetime(2100, 1, 1)}  # noqa: DTZ001 (the strategy adds UTC)
AT = datetime(2026, 12, 31, 23, 45, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "starts_at", "ends_at"),
    [
        (Period.HOUR, datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (Period.DAY, datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (Period.WEEK, datetime(2026, 12, 28, tzinfo=UTC), datetime(2027, 1, 4, tzinfo=UTC)),
        (Period.MONTH, datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (Period.ONE_OFF, AT, None),
    ],
)
def test_a_period_begins_and_ends_by_the_utc_calendar(period, starts_at, ends_at):
    assert bounds(period, AT) == (starts_at, ends_at)


@given(at=st.datetimes(timezones=st.just(UTC), **SPAN), period=st.sampled_from(Period))
def test_every_moment_lies_in_exactly_one_period(at, period):
    starts_at, ends_at = bounds(period, at)
    assert starts_at <= at
    if ends_at is not None:
        assert at < ends_at
        assert bounds(period, ends_at)[0] == ends_at
        assert bounds(period, ends_at - timedelta(microseconds=1)) == (starts_at, ends_at)


def test_a_charge_is_never_understated():
    assert to_steps(Unit.CARBON_G, Decimal("0.0000001")) == 1
    assert to_steps(Unit.CARBON_G, Decimal("1.5")) == 1_500_000
    assert to_steps(Unit.TOKENS, Decimal(7)) == 7
    assert from_steps(Unit.CARBON_G, 1_500_000) == Decimal("1.5")


@pytest.mark.parametrize(
    ("used", "passed", "status"),
    [
        (74, [], "ok"),
        (75, [75], "warn"),
        (84, [75], "warn"),
        (85, [75, 85], "critical"),
        (95, [75, 85, 95], "emergency"),
    ],
)
def test_bands_begin_exactly_at_their_percentage(used, passed, status):
    assert percentages_passed(used=used, limit=100, bands=Bands()) == passed
    assert status_of(used=used, limit=100, bands=Bands()) == status


def test_bands_are_exact_where_floats_are_not():
    limit = 10**18 + 1
    assert percentages_passed(used=limit * 75 // 100, limit=limit, bands=Bands()) == []
    assert percentages_passed(used=limit * 75 // 100 + 1, limit=limit, bands=Bands()) == [75]


def test_estimates_follow_the_founding_figures():
    terms = EstimateTerms()
    for mode, roles, expected in ((Mode.EXPRESS, 1, 800), (Mode.COUNCIL, 1, 2500), (Mode.COUNCIL, 4, 3700)):
        cold = cold_start(mode, roles, terms)
        assert (cold.p50_tokens, cold.p95_tokens) == (expected, expected + 500)


def test_complex_work_without_a_mode_is_a_council():
    assert choose_mode(None, 0.71, EstimateTerms()) is Mode.COUNCIL
    assert choose_mode(None, 0.7, EstimateTerms()) is Mode.EXPRESS
    assert choose_mode(Mode.EXPRESS, 0.9, EstimateTerms()) is Mode.EXPRESS
