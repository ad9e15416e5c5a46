from __future__ import annotations

import gc
from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.modelled import HourModel
from climate.models import Country, DataSource, GridZone, Region, RegionCapacity, ZoneYear
from climate.selectors import find_country, get_signal, list_country_signals, list_regions, list_signals
from climate.selectors.atlas import MOST_MODELS
from climate.services.reference import load_reference
from config.kernel.errors import NotFound

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def world(db):
    load_reference(now=NOW)


def test_all_zones_come_with_five_years():
    assert GridZone.objects.count() == 352 + 14
    assert ZoneYear.objects.count() == 352 * 5
    assert set(ZoneYear.objects.values_list("year", flat=True)) == {2021, 2022, 2023, 2024, 2025}
    assert not ZoneYear.objects.filter(source="").exists()


def test_the_regions_of_great_britain_are_zones_of_their_own_without_a_yearly_value():
    regions = GridZone.objects.filter(pk__regex=r"^GB-[0-9]+$")
    assert {zone.pk for zone in regions} == {f"GB-{number}" for number in range(1, 15)}
    assert GridZone.objects.get(pk="GB-1").name == "Great Britain: North Scotland"
    assert not ZoneYear.objects.filter(zone__in=regions).exists()
    assert {signal.basis for signal in list_signals(zone_codes=["GB-1", "GB-14"], hours=[NOW], now=NOW).values()} == {
        "yearly_country"
    }


def test_na_is_namibia():
    assert GridZone.objects.get(pk="NA").country_id == "NA"
    assert Country.objects.get(pk="NA").name == "Namibia"


def test_at_least_forty_cloud_regions_of_three_providers_and_two_example_sites():
    clouds = Region.objects.filter(is_active=True)
    assert clouds.count() >= 40
    assert set(clouds.values_list("provider", flat=True)) == {"aws", "gcp", "azure"}
    assert Region.objects.filter(provider="own", is_active=False).count() == 2
    assert RegionCapacity.objects.count() == 5 * Region.objects.count()
    assert not Region.objects.exclude(pue=None).filter(pue_source="").exists()
    assert not RegionCapacity.objects.filter(source="").exists()


def test_a_published_value_that_cannot_be_is_unknown_and_says_why():
    for code in ("CF", "TM"):
        country = Country.objects.get(pk=code)
        if country.intensity_g_per_kwh is None:
            assert country.intensity_flag
        else:
            assert 10 <= country.intensity_g_per_kwh <= 1300
    doubted = Country.objects.exclude(intensity_g_per_kwh=None).filter(intensity_g_per_kwh__lt=10)
    assert not doubted.exists()


def test_loading_twice_changes_nothing_and_keeps_what_a_person_changed():
    Region.objects.filter(pk="aws-eu-north-1").update(pue=1.05)
    assert set(load_reference(now=NOW).values()) == {0}
    assert Region.objects.get(pk="aws-eu-north-1").pue == 1.05


def test_every_row_begins_its_history_with_the_load():
    for model in (Country, GridZone, ZoneYear, Region, RegionCapacity, DataSource):
        rows = model.history.values_list("history_type", "history_change_reason", "history_date")
        assert len(rows) == model.objects.count()
        assert set(rows) == {("+", "reference data", NOW)}
    load_reference(now=NOW)
    assert Region.history.count() == Region.objects.count()


def test_an_edit_is_seen_at_once_whatever_its_clock_says():
    def basis() -> str:
        return get_signal("DE", at=NOW, now=NOW).basis.value

    assert basis() == "modelled"
    zone = GridZone.objects.get(pk="DE")
    zone.latitude = None  # the model needs the place
    zone._history_date = NOW - timedelta(days=1)
    zone.save()
    assert basis() == "yearly_zone"


def test_justice_inputs_are_loaded_with_their_source():
    bangladesh = find_country("BD")
    assert bangladesh is not None
    assert (bangladesh.income_group, bangladesh.is_ldc, bangladesh.is_global_south) == ("lower_middle", True, True)
    row = Country.objects.get(pk="BD")
    assert row.income_group_source
    assert row.lists_source
    assert Country.objects.filter(is_ldc=True).count() == 44
    united_states = find_country("US")
    assert united_states is not None
    assert (united_states.income_group, united_states.is_global_south) == ("high", False)


def test_every_zone_has_a_signal_with_a_source():
    codes = list(GridZone.objects.values_list("pk", flat=True))
    signals = list_signals(zone_codes=codes, hours=[NOW], now=NOW)
    assert len(signals) == 352 + 14
    assert {signal.basis.value for signal in signals.values()} <= {"modelled", "yearly_zone", "yearly_country", "world"}
    assert all(signal.source and signal.as_of <= NOW for signal in signals.values())


def test_many_zones_and_hours_take_few_queries(django_assert_max_num_queries):
    zones = [region.zone for region in list_regions()]
    list_signals(zone_codes=zones, hours=[NOW], now=NOW)
    with django_assert_max_num_queries(3):
        list_signals(zone_codes=zones, hours=[NOW.replace(hour=hour) for hour in range(24)], now=NOW)


def test_whatever_years_are_asked_for_few_calibrated_models_are_kept():
    def count() -> int:
        gc.collect()
        return sum(type(each) is HourModel for each in gc.get_objects())  # isinstance would wake lazy objects

    before = count()
    for year in range(2000, 2012):
        list_signals(zone_codes=["DE"], hours=[NOW.replace(year=year)], now=NOW)
    assert count() - before <= MOST_MODELS


def test_an_unknown_zone_is_not_found():
    with pytest.raises(NotFound):
        get_signal("ZZ", at=NOW, now=NOW)


def test_the_map_has_a_value_or_an_honest_gap_for_every_country():
    rows = list_country_signals(at=NOW, now=NOW)
    assert len(rows) == Country.objects.count()
    assert {row.signal.basis.value for row in rows if row.signal} <= {"modelled", "yearly_zone", "yearly_country"}
