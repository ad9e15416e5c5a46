"""What a standing rule sells and buys, from the forecast alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from market.domain.trading.rules import (
    Outlook,
    Room,
    lots_down,
    lots_up,
    missing_until,
    nano_of_usd,
    sell_by,
    unused_at,
    usd_of_nano,
)

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


def outlook(remaining: int, burn: int | None, *, high: int | None = None, hours: int = 10) -> Outlook:
    high = burn if high is None else high
    return Outlook(
        remaining=Decimal(remaining),
        burn=None if burn is None else Decimal(burn),
        burn_high=None if high is None else Decimal(high),
        until=NOW + timedelta(hours=hours),
    )


@pytest.mark.parametrize(
    ("hour", "until_hours", "at"),
    [
        (18, 48, datetime(2026, 3, 4, 18, tzinfo=UTC)),
        (10, 48, datetime(2026, 3, 5, 10, tzinfo=UTC)),
        (18, 2, NOW + timedelta(hours=2)),
    ],
)
def test_the_hour_is_the_next_of_its_name_or_the_end_of_the_period(hour, until_hours, at):
    assert sell_by(hour, outlook(0, 0, hours=until_hours), NOW) == at


def test_what_is_sold_is_left_even_if_much_is_used():
    assert unused_at(outlook(1_000, 10, high=50), NOW + timedelta(hours=4), NOW) == 800
    assert unused_at(outlook(100, 10, high=50), NOW + timedelta(hours=4), NOW) == 0
    assert unused_at(outlook(100, None), NOW + timedelta(hours=4), NOW) is None


def test_what_is_bought_is_what_the_usual_pace_lacks():
    assert missing_until(outlook(60, 10), NOW) == 40
    assert missing_until(outlook(100, 10), NOW) == 0
    assert missing_until(outlook(100, None), NOW) is None


def test_sales_are_rounded_down_to_lots_and_purchases_up():
    assert (lots_down(Decimal("399.9"), 100), lots_up(Decimal("300.1"), 100)) == (3, 4)


def test_room_is_the_least_of_both_and_never_below_nothing():
    assert [Room(of_rule=a, of_budget=b).lots for a, b in ((3, 5), (5, 3), (-1, 4))] == [3, 3, 0]


def test_prices_are_exact_to_a_billionth():
    assert (nano_of_usd(Decimal("0.000003")), usd_of_nano(3_000)) == (3_000, Decimal("0.000003"))
    assert [nano_of_usd(Decimal(text)) for text in ("0", "0.0000000001", "0.0000000015")] == [None, None, None]
