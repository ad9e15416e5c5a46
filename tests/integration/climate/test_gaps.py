"""Where the first period without a reading begins: asked of the database, on SQLite as on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from climate.models import CarbonReading, GridZone
from climate.selectors.gaps import first_gaps, had_lately

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
SINCE = datetime(2026, 3, 4, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def keep(zone: str, *hours: float, minutes: int = 60, scope: str = "lifecycle", source: str = "toy", at=NOW) -> None:
    GridZone.objects.get_or_create(code=zone, defaults={"name": zone})
    CarbonReading.objects.bulk_create(
        CarbonReading(
            zone_id=zone,
            source=source,
            scope=scope,
            starts_at=SINCE + each * HOUR,
            period_minutes=minutes,
            intensity_g_per_kwh=300.0,
            received_at=at,
        )
        for each in hours
    )


def gap(zone: str = "DE", *, since: datetime = SINCE) -> float:
    """In hours from SINCE."""
    return (first_gaps(source="toy", zones=["DE", "FR"], since=since, until=NOW)[zone] - SINCE) / HOUR


@pytest.mark.parametrize(
    ("had", "first"), [([], 0), ([0, 1, 2], 3), ([0, 2, 3], 1), ([2, 3], 0), ([0, 1, 3, 5], 2), ([-1, 0, 1], 2)]
)
def test_the_first_missing_period_is_found(had, first):
    keep("DE", *had)
    keep("DE", 0, 1, 2, 3, 4, 5, source="another")
    assert gap() == first


def test_less_than_a_period_before_the_first_one_is_not_missing():
    keep("DE", 1)
    assert gap(since=SINCE + MINUTE) == 2
    assert gap(since=SINCE) == 0


def test_each_series_and_each_zone_has_its_own_gaps():
    keep("DE", 0, 1, 2, 3)
    keep("DE", 0, 2, 3, scope="direct")
    keep("FR", 0, 0.25, 0.75, minutes=15)
    assert (gap("DE"), gap("FR")) == (1, 0.5)


def test_a_series_that_changes_the_length_of_its_periods_has_no_gap_by_that():
    keep("DE", 0, 1, minutes=60)
    keep("DE", 2, 2.25, 2.5, minutes=15)
    keep("DE", 2.75, 3.75, minutes=60)
    assert gap() == 4.75


def test_however_many_readings_there_are_it_takes_two_queries_and_a_row_for_each_series(django_assert_num_queries):
    keep("DE", *[number / 12 for number in range(0, 120, 2)], minutes=5)
    with django_assert_num_queries(2) as asked:
        assert gap() == pytest.approx(1 / 12)
    assert all("GROUP BY" in query["sql"] for query in asked.captured_queries)


def test_it_is_known_when_something_new_of_a_zone_came_last():
    keep("DE", 1, at=NOW - HOUR)
    keep("DE", 2, at=NOW - 2 * HOUR)
    keep("FR", -3, at=NOW)
    assert had_lately(source="toy", zones=["DE", "FR"], since=SINCE) == {"DE": NOW - HOUR}
