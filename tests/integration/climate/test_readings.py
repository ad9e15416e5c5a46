"""Readings are found by an index, however many zones are asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from climate.models import CarbonReading, GridZone
from climate.selectors import list_stored_readings
from climate.selectors.readings import list_readings_by_zone
from config.kernel.errors import NotFound

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
ZONES = [f"Z{number:03}" for number in range(352)]

pytestmark = pytest.mark.django_db


@pytest.fixture
def month():
    """A month of hours of a few of very many zones."""
    GridZone.objects.bulk_create(GridZone(code=code, name=code) for code in ZONES)
    CarbonReading.objects.bulk_create(
        [
            CarbonReading(
                zone_id=code,
                source="meter",
                starts_at=NOW.replace(minute=0) - age * HOUR,
                period_minutes=60,
                intensity_g_per_kwh=100 + age,
                received_at=NOW,
            )
            for code in ZONES[::40]
            for age in range(720)
        ],
        batch_size=2_000,
    )


def plan_of(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE climate_carbonreading")
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{sql}")
        return "\n".join(str(row) for row in cursor.fetchall())


@pytest.mark.parametrize("count", [1, 352])
def test_the_readings_of_this_hour_are_found_by_an_index(month, count):
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = list_readings_by_zone(ZONES[:count], start=NOW - 2.5 * HOUR, end=NOW + HOUR, now=NOW)
    assert {len(readings) for readings in found.values()} == {3}
    assert len(asked) == 1
    plan = plan_of(asked[0]["sql"])
    assert "carbon_reading_latest" in plan or "carbon_reading_age" in plan or "carbon_reading_unique" in plan
    assert "SCAN climate_carbonreading" not in plan
    assert "Seq Scan" not in plan


def test_old_hours_cost_one_more_question(month):
    with CaptureQueriesContext(connection) as asked:
        list_readings_by_zone(ZONES, start=NOW - timedelta(days=33), end=NOW, now=NOW)
    assert len(asked) == 2


def test_what_came_after_now_is_not_known_yet(month):
    CarbonReading.objects.update(received_at=NOW + HOUR)
    assert list_readings_by_zone(ZONES, start=NOW - HOUR, end=NOW + HOUR, now=NOW) == {}


def test_an_unknown_zone_has_no_history(month):
    assert list_stored_readings(ZONES[1], since=NOW - HOUR, until=NOW, now=NOW) == []
    with pytest.raises(NotFound, match="XX"):
        list_stored_readings("XX", since=NOW - HOUR, until=NOW, now=NOW)
