"""Readings that grow old: means in the database, rows in the archive, and never a row in neither."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from climate.models import (
    ArchivedFile,
    CarbonForecast,
    CarbonReading,
    CarbonReadingMean,
    CarbonReadingRevision,
    GridZone,
    RetentionPolicy,
)
from climate.selectors import get_signal, list_stored_readings, list_zone_history
from climate.services import archive, retention
from climate.services.archive import ArchiveDamaged
from climate.services.restoration import restore_archived_file
from climate.services.retention import retire_readings
from config.kernel.errors import Conflict, InvalidInput, NotFound, Unavailable

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0, minute=0)
OLD = MIDNIGHT - timedelta(days=401)
"""The newest day that 400 days of readings leave out."""
VERY_OLD = MIDNIGHT - timedelta(days=1_101)
ANCIENT = MIDNIGHT - timedelta(days=3_661)


@pytest.fixture(autouse=True)
def folder(db, settings, tmp_path):
    settings.ARCHIVE_DIR = tmp_path / "archive"
    RetentionPolicy.objects.create(pk=1)
    for code in ("DE", "FR"):
        GridZone.objects.create(code=code, name=code)
    return settings.ARCHIVE_DIR


def fill(begin: datetime, *, periods: int = 48, minutes: int = 30, **changes) -> None:
    CarbonReading.objects.bulk_create(
        CarbonReading(
            **{
                "zone_id": "DE",
                "source": "meter",
                "starts_at": begin + i * timedelta(minutes=minutes),
                "period_minutes": minutes,
                "intensity_g_per_kwh": 100.0 + i,
                "renewable_share": 0.5,
                "received_at": begin + (i + 1) * timedelta(minutes=minutes),
                "flag": 'estimated, by the "meter"\nitself' if i == 1 else "",
                **changes,
            }
        )
        for i in range(periods)
    )


def said(model=CarbonReading) -> list[dict]:
    rows = model.objects.order_by("starts_at", "zone_id", "source").values()
    return [{name: value for name, value in row.items() if name != "id"} for row in rows]


def archived(what: str) -> list[dict[str, str]]:
    """The rows of all listed files of a table."""
    rows: list[dict[str, str]] = []
    for listed in ArchivedFile.objects.filter(what=what).order_by("path"):
        with gzip.open(archive.settings.ARCHIVE_DIR / listed.path, "rt", encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        assert len(found) == listed.row_count
        rows += found
    return rows


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
        "basis": "live",
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
    fill(OLD)
    fill(MIDNIGHT, periods=2)
    retire_readings(now=NOW)
    history = list_zone_history("DE", since=VERY_OLD, until=NOW)
    assert Counter(signal.period_minutes for signal in history) == {1440: 1, 60: 24, 30: 2}
    assert [signal.starts_at for signal in history] == sorted(signal.starts_at for signal in history)
    day = history[0]
    assert (day.starts_at, day.intensity_g_per_kwh, day.basis, day.source) == (VERY_OLD, 122.5, "live", "meter")
    assert "readings cover 1380 of 1,440 minutes" in day.flags
    assert history[1].flags == ('estimated, by the "meter"\nitself',)


def test_the_history_that_the_api_tells_goes_on_with_means_too():
    fill(VERY_OLD)
    fill(OLD, periods=3)
    fill(MIDNIGHT, periods=2)
    retire_readings(now=NOW)
    found = list_stored_readings("DE", since=VERY_OLD, until=NOW, now=NOW)
    assert [each.period_minutes for each in found] == [1440, 60, 60, 30, 30]
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


# --- and back -----------------------------------------------------------------------------


def restore(folder: Path, *, now: datetime = NOW, days: int = 30):
    return restore_archived_file(path=folder / ArchivedFile.objects.get(what="readings").path, days=days, now=now)


def test_a_file_comes_back_as_it_was_and_leaves_again_when_its_time_is_over(folder):
    fill(OLD)
    before = said()
    retire_readings(now=NOW)
    means = said(CarbonReadingMean)
    done = restore(folder)
    assert (done.rows, done.added, done.stays_until) == (48, 48, NOW + timedelta(days=30))
    assert said() == before
    assert dict(retire_readings(now=NOW + timedelta(days=29)).rows) == {}
    assert said() == before
    assert dict(retire_readings(now=NOW + timedelta(days=31)).rows) == {"readings": 48}
    assert (CarbonReading.objects.count(), said(CarbonReadingMean)) == (0, means)
    assert ArchivedFile.objects.get().stays_until is None
    assert len(archived("readings")) == 48


def test_while_readings_are_back_they_are_read_and_nothing_counts_twice(folder):
    fill(OLD)
    before = get_signal("DE", at=OLD, now=NOW), list_zone_history("DE", since=OLD, until=NOW)
    retire_readings(now=NOW)
    restore(folder)
    assert (get_signal("DE", at=OLD, now=NOW), list_zone_history("DE", since=OLD, until=NOW)) == before


def test_restoring_twice_or_over_rows_that_are_there_adds_only_what_is_missing(folder):
    fill(OLD)
    retire_readings(now=NOW)
    restore(folder)
    CarbonReading.objects.filter(starts_at=OLD).update(intensity_g_per_kwh=555)
    CarbonReading.objects.filter(starts_at=OLD + timedelta(hours=1)).delete()
    assert restore(folder).added == 1
    assert CarbonReading.objects.get(starts_at=OLD).intensity_g_per_kwh == 555
    assert CarbonReading.objects.count() == 48


def test_a_file_that_was_changed_is_refused_by_name(folder):
    fill(OLD)
    retire_readings(now=NOW)
    path = folder / ArchivedFile.objects.get().path
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"100.0", b"999.0")))
    with pytest.raises(Conflict, match=path.name):
        restore(folder)
    assert CarbonReading.objects.count() == 0
    assert ArchivedFile.objects.get().stays_until is None


def test_a_copy_kept_elsewhere_is_known_by_its_content(folder, tmp_path):
    fill(OLD)
    retire_readings(now=NOW)
    copy = tmp_path / "from-tape.gz"
    (folder / ArchivedFile.objects.get().path).rename(copy)
    assert restore_archived_file(path=copy, days=1, now=NOW).added == 48


@pytest.mark.parametrize("name", ["no-such-file", "other.csv.gz"])
def test_a_file_that_was_never_archived_is_refused(tmp_path, name):
    (tmp_path / "other.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    with pytest.raises(NotFound, match=name):
        restore_archived_file(path=tmp_path / name, days=1, now=NOW)


def test_a_stay_without_end_is_refused(folder):
    fill(OLD)
    retire_readings(now=NOW)
    with pytest.raises(InvalidInput, match="1 to 3,660 days"):
        restore(folder, days=0)
    assert CarbonReading.objects.count() == 0


def test_every_table_comes_back_as_it_was(folder):
    series = {"zone_id": "DE", "source": "meter", "period_minutes": 60, "intensity_g_per_kwh": 0.1 + 0.2}
    fill(ANCIENT)
    CarbonReadingRevision.objects.create(**series, starts_at=OLD, received_at=OLD, replaced_at=NOW)
    CarbonForecast.objects.create(**series, starts_at=OLD, issued_at=OLD, low_g_per_kwh=0.1)
    gone = said(CarbonReadingRevision), said(CarbonForecast)
    retire_readings(now=NOW)
    for listed in ArchivedFile.objects.all():
        restore_archived_file(path=folder / listed.path, days=1, now=NOW)
    assert (said(CarbonReadingRevision), said(CarbonForecast)) == gone
    assert Counter(CarbonReadingMean.objects.values_list("tier", flat=True)) == {"hour": 24, "day": 1}
    history = list_zone_history("DE", since=ANCIENT, until=ANCIENT + timedelta(days=1))
    assert {signal.period_minutes for signal in history} == {30}
