"""When a share makes a revision: not while it only trembles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.collected import CollectedReading
from climate.domain.signal import Scope
from climate.models import CarbonReading, CarbonReadingRevision
from climate.services.collect.readings import keep_readings
from climate.services.reference import load_reference

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def world(db):
    load_reference(now=NOW)


def keep(share: float | None, *, after_minutes: int = 0) -> None:
    reading = CollectedReading(
        zone="DE",
        starts_at=NOW.replace(minute=0),
        period_minutes=15,
        intensity_g_per_kwh=300.0,
        scope=Scope.LIFECYCLE,
        renewable_share=share,
    )
    keep_readings(source="energy-charts", readings=[reading], now=NOW + timedelta(minutes=after_minutes))


@pytest.mark.parametrize(("later", "stored", "revisions"), [(0.509, 0.5, 0), (0.52, 0.52, 1), (None, None, 1)])
def test_a_share_that_moves_less_than_a_point_is_the_same(later, stored, revisions):
    keep(0.5)
    keep(later, after_minutes=15)
    assert CarbonReading.objects.get().renewable_share == stored
    assert CarbonReadingRevision.objects.count() == revisions


def test_many_revisions_keep_one_row_with_its_number():
    for number in range(3):
        keep(0.1 * number, after_minutes=number)
    row = CarbonReading.objects.get()
    assert (row.revision, row.renewable_share) == (2, pytest.approx(0.2))
    assert row.received_at == NOW + timedelta(minutes=2)
