"""A site in Scotland is placed by what its own region expects, not by the whole of Great Britain."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from climate.connectors.registry import CONNECTORS
from climate.models import CarbonReading, DataSource, Region
from climate.selectors import get_signal
from climate.services.collect import collect_source
from climate.services.reference import load_reference
from tests.integration.climate.connectors.conftest import recorded

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
NAME = "gb-carbon-intensity"
BASE = settings.CLIMATE_SOURCES[NAME].url


@pytest.fixture
def collected(outside):
    load_reference(now=NOW)
    place = {"latitude": 57.5, "longitude": -4.2, "country_id": "GB"}
    Region.objects.create(code="own-inverness", provider="own", name="Inverness", zone_id="GB-1", **place)
    outside.get(f"{BASE}/intensity/2026-03-04T10:00Z/fw48h", body=recorded("gb_fw48h.json"))
    outside.get(
        f"{BASE}/regional/intensity/2026-03-04T10:00Z/fw48h/regionid/1", body=recorded("gb_regional_fw48h.json")
    )
    outside.get(re.compile(re.escape(BASE)), status=404)  # the rest is not there, which is not asked again
    return collect_source(name=NAME, now=NOW)


def test_its_hour_is_a_lifecycle_forecast_of_the_region_that_says_what_is_left_out(collected):
    assert collected.state == "ok"
    signal = get_signal("GB-1", at=NOW, now=NOW)
    assert (signal.basis, signal.scope, signal.source) == ("forecast", "lifecycle", NAME)
    assert signal.intensity_g_per_kwh == pytest.approx((3.5 * 490 + 20 * 24 + 70 * 11) / 93.5)
    assert "the publisher's model of the region; not counted: imports 6.5 % of the mix" in signal.flags
    assert not CarbonReading.objects.filter(zone="GB-1").exists()


def test_hours_that_the_region_does_not_forecast_fall_to_the_country(collected):
    signal = get_signal("GB-1", at=NOW + timedelta(hours=30), now=NOW)
    assert signal.basis == "yearly_country"


def test_every_source_of_the_registry_has_its_row(collected):
    assert set(DataSource.objects.values_list("pk", flat=True)) == set(CONNECTORS)
    assert list(CONNECTORS) == sorted(CONNECTORS)
    assert set(CONNECTORS) == set(settings.CLIMATE_SOURCES)
    for name, connector in CONNECTORS.items():
        assert set(connector.provider.needs) == set(settings.CLIMATE_SOURCES[name].secrets)
