"""Readings that grow old: means in the database, rows in the archive, and never a row in neither."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from climate.models import (
    ArchivedFile,
    CarbonForecast,
    CarbonReading,
    CarbonReadingMean,
    CarbonReadingRevision,
    RetentionPolicy,
)
from climate.selectors import get_signal, list_stored_readings
from climate.services import archive, retention
from climate.services.archive import ArchiveDamaged
from climate.services.retention import retire_readings
from config.kernel.errors import Unavailable
from tests.integration.climate.old_readings import ANCIENT, MIDNIGHT, NOW, OLD, VERY_OLD, archived, fill, said

pytestmark = pytest.mark.usefixtures("folder")


def test_old_readings_become_hourly_means_and_every_row_is_in_the_file():
    fill(OLD)
    done = retire_readings(now=NOW)
    assert dict(done.rows) == {"readings": 48}
    assert CarbonReading.objects.count() == 0
    first = CarbonReadingMean.objects.order_by("starts_at").first()
    assert CarbonReadingMean.objects.count() == 24
    assert (first.tier, first.starts_at, first.covered_minutes) == ("hour", OLD, 60)
    assert (first.intensity_g_per_kwh, first.lowest_g_per_kwh, first.highest_g_per_kwh) == (100.5, 100, 101)
    assert (first.renewable_share, first.carbon_free_share) == (0.5, None)
    rows = archived("readings")
    assert len(rows) == 48
    assert rows[1] == {
        "zone": "DE",
        "source": "meter",
        "kind": "average",
        "scope": "lifecycle",
        "starts_at_utc": f"{OLD:%Y-%m-%d}T00:30:00Z",
        "period_minutes": "30",
        "intensity_g_per_kwh": "101.0",
        "renewable_share_0_to_1": "0.5",
        "carbon_free_share_0_to_1": "",
        "flag": 'estimated, by the "meter"\nitself',
        "received_at_utc": f"{OLD:%Y-%m-%d}T01:00:00Z",
        "revision": "0",
    }


def test_a_file_is_listed_with_what_is_needed_to_trust_it(folder):
    fill(OLD)
    retire_readings(now=NOW)
    listed = ArchivedFile.objects.get()
    path = folder / f"readings/{OLD:%Y}/readings-{OLD:%Y-%m-%d}.csv.gz"
    assert folder / listed.path == path
    assert (listed.what, listed.row_count, listed.archived_at) == ("readings", 48, NOW)
    assert (listed.first_at, listed.last_at) == (OLD, OLD + timedelta(hours=23, minutes=30))
    assert (listed.size_bytes, listed.sha256) == (path.stat().st_size, archive.sha256_of(path))
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_readings_stay_until_their_whole_day_is_old_enough():
    fill(OLD + timedelta(days=1))
    before = said()
    assert dict(retire_readings(now=NOW).rows) == {}
    assert said() == before
    assert dict(retire_readings(now=NOW + timedelta(hours=14)).rows) == {"readings": 48}


def test_the_ladder_says_the_same_of_a_past_hour_when_only_its_mean_is_left():
    fill(OLD, periods=3)
    fill(OLD, periods=1, minutes=60, source="other", intensity_g_per_kwh=700.0)
    hours = [OLD, OLD + timedelta(hours=1)]
    before = [get_signal("DE", at=hour, now=NOW) for hour in hours]
    retire_readings(now=NOW)
    assert [get_signal("DE", at=hour, now=NOW) for hour in hours] == before
    assert [signal.basis for signal in before] == ["live", "live"]
    assert before[1].flags == ("readings cover 30 of 60 minutes",)


def test_history_goes_on_with_the_means_of_hours_and_before_them_of_days():
    fill(VERY_OLD, periods=46)
    fill(OLD, periods=3)
    fill(MIDNIGHT, periods=2)
    retire_readings(now=NOW)
    found = list_stored_readings("DE", since=VERY_OLD, until=NOW, now=NOW)
    assert [each.period_minutes for each in found] == [1440, 60, 60, 30, 30]
    assert [each.starts_at for each in found] == sorted(each.starts_at for each in found)
    assert (found[0].starts_at, found[0].intensity_g_per_kwh, found[0].source) == (VERY_OLD, 122.5, "meter")
    assert "readings cover 1380 of 1,440 minutes" in found[0].flag
    assert found[1].flag == 'estimated, by the "meter"\nitself'
    assert "readings cover 30 of 60 minutes" in found[2].flag
    assert {each.basis for each in found} == {"live"}
    assert list_stored_readings("DE", since=VERY_OLD, until=NOW, source="other", now=NOW) == []


def test_hourly_means_become_daily_ones_and_these_leave_at_last():
    fill(VERY_OLD)
    fill(ANCIENT, source="elder")
    done = retire_readings(now=NOW)
    assert dict(done.rows) == {"readings": 96, "hourly_means": 48, "daily_means": 1}
    left = CarbonReadingMean.objects.get()
    assert (left.tier, left.source, left.starts_at, left.covered_minutes) == ("day", "meter", VERY_OLD, 1440)
    assert (left.intensity_g_per_kwh, left.lowest_g_per_kwh, left.highest_g_per_kwh) == (123.5, 100, 147)
    assert len(archived("readings")) == 96
    assert len(archived("hourly_means")) == 48
    assert [row["source"] for row in archived("daily_means")] == ["elder"]


def test_kinds_scopes_zones_and_sources_are_never_mixed():
    for changes in ({}, {"zone_id": "FR"}, {"source": "other"}, {"scope": "direct"}, {"kind": "marginal"}):
        fill(OLD, periods=2, **changes)
    retire_readings(now=NOW)
    assert CarbonReadingMean.objects.count() == 5
    assert set(CarbonReadingMean.objects.values_list("intensity_g_per_kwh", flat=True)) == {100.5}


def test_a_second_run_finds_nothing_to_do():
    fill(OLD)
    retire_readings(now=NOW)
    before = said(CarbonReadingMean), list(ArchivedFile.objects.values())
    assert dict(retire_readings(now=NOW).rows) == {}
    assert (said(CarbonReadingMean), list(ArchivedFile.objects.values())) == before


def test_earlier_versions_leave_with_the_readings_and_forecasts_once_they_are_scored():
    series = {"zone_id": "DE", "source": "meter", "period_minutes": 60, "intensity_g_per_kwh": 100}
    CarbonReadingRevision.objects.create(**series, starts_at=OLD, received_at=OLD, replaced_at=NOW)
    CarbonReadingRevision.objects.create(**series, starts_at=MIDNIGHT, received_at=OLD, replaced_at=NOW)
    for age_days, scored_at in ((14, NOW), (15, NOW), (15, None), (22, None)):
        starts_at = MIDNIGHT - timedelta(days=age_days)
        issued_at = starts_at - timedelta(hours=1 if scored_at else 2)
        CarbonForecast.objects.create(**series, starts_at=starts_at, issued_at=issued_at, scored_at=scored_at)
    assert dict(retire_readings(now=NOW).rows) == {"revisions": 1, "forecasts": 2}
    assert CarbonReadingRevision.objects.get().starts_at == MIDNIGHT
    assert sorted((MIDNIGHT - row.starts_at).days for row in CarbonForecast.objects.all()) == [14, 15]
    assert archived("revisions")[0]["replaced_at_utc"] == "2026-03-04T10:20:00Z"
    assert [row["scored_at_utc"] for row in archived("forecasts")] == ["", "2026-03-04T10:20:00Z"]


def test_the_policy_decides_how_old_is_old():
    RetentionPolicy.objects.update(raw_days=500)
    fill(OLD)
    assert dict(retire_readings(now=NOW).rows) == {}
    RetentionPolicy.objects.all().delete()
    with pytest.raises(Unavailable, match="load_reference"):
        retire_readings(now=NOW)
    assert CarbonReading.objects.count() == 48


# --- what can go wrong ------------------------------------------------------------------


def _fail(*_args, **_kwargs):
    raise OSError("No space left on device")


def _late_fail(real):
    def call(*args, **kwargs):
        real(*args, **kwargs)
        _fail()

    return call


BREAK = {
    "the draft cannot be forced to the disk": lambda patch: patch.setattr(os, "fsync", _fail),
    "the draft cannot be named": lambda patch: patch.setattr(os, "replace", _fail),
    "it fails just after the naming": lambda patch: patch.setattr(os, "replace", _late_fail(os.replace)),
    "the file is not listed": lambda patch: patch.setattr(ArchivedFile.objects, "update_or_create", _fail),
    "the means are not stored": lambda patch: patch.setattr(retention, "_store_means", _fail),
    "it fails after the means": lambda patch: patch.setattr(
        retention, "_store_means", _late_fail(retention._store_means)
    ),
    "the rows are not deleted": lambda patch: patch.setattr(retention, "_delete", _fail),
    "it fails just before the commit": lambda patch: patch.setattr(retention, "_delete", _late_fail(retention._delete)),
}


@pytest.mark.parametrize("where", BREAK)
def test_a_failure_leaves_the_day_as_it_was_and_the_next_run_moves_it_once(where):
    fill(OLD)
    before = said()
    with pytest.MonkeyPatch.context() as patch:
        BREAK[where](patch)
        with pytest.raises(OSError, match="No space left"):
            retire_readings(now=NOW)
    assert said() == before
    assert (CarbonReadingMean.objects.count(), ArchivedFile.objects.count()) == (0, 0)
    assert dict(retire_readings(now=NOW).rows) == {"readings": 48}
    assert len(archived("readings")) == 48
    assert (CarbonReading.objects.count(), CarbonReadingMean.objects.count()) == (0, 24)
    assert len(list(archive.settings.ARCHIVE_DIR.rglob("*.*"))) == 1


def test_a_disk_that_gives_back_something_else_is_found_out_before_anything_is_deleted(monkeypatch):
    fill(OLD)
    real = archive._write

    def write(path: Path, columns, rows):
        written = real(path, columns, list(rows)[1:])
        return written[0] + 1, written[1]

    monkeypatch.setattr(archive, "_write", write)
    with pytest.raises(ArchiveDamaged, match="other rows"):
        retire_readings(now=NOW)
    assert (CarbonReading.objects.count(), ArchivedFile.objects.count()) == (48, 0)
    assert not list(archive.settings.ARCHIVE_DIR.rglob("*.csv.gz"))


def test_what_is_in_the_archive_is_never_written_over(folder):
    fill(OLD, periods=2)
    retire_readings(now=NOW)
    first = ArchivedFile.objects.get()
    content = (folder / first.path).read_bytes()
    fill(OLD + timedelta(hours=5), periods=2)
    retire_readings(now=NOW)
    assert (folder / first.path).read_bytes() == content
    assert [row["starts_at_utc"][11:16] for row in archived("readings")] == ["05:00", "05:30", "00:00", "00:30"]
    assert ArchivedFile.objects.exclude(pk=first.pk).get().path == first.path.replace(".csv.gz", "-2.csv.gz")


def test_an_hour_told_again_in_another_length_leaves_the_mean_of_what_was_told_last():
    fill(OLD, periods=2)
    told_last = {"period_minutes": 60, "intensity_g_per_kwh": 200.0, "received_at": OLD + timedelta(hours=3)}
    CarbonReading.objects.filter(starts_at=OLD).update(**told_last)
    retire_readings(now=NOW)
    mean = CarbonReadingMean.objects.get()
    assert (mean.covered_minutes, mean.intensity_g_per_kwh, mean.highest_g_per_kwh) == (60, 200, 200)


def test_a_late_reading_does_not_replace_the_mean_of_a_fuller_hour():
    fill(OLD, periods=2)
    retire_readings(now=NOW)
    fill(OLD, periods=1, intensity_g_per_kwh=900.0)
    retire_readings(now=NOW)
    assert CarbonReadingMean.objects.get().intensity_g_per_kwh == 100.5
    fill(OLD, periods=2, intensity_g_per_kwh=900.0)
    retire_readings(now=NOW)
    assert CarbonReadingMean.objects.get().intensity_g_per_kwh == 900
    assert len(archived("readings")) == 5
