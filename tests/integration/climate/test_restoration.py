"""Rows that are brought back from the archive for a while."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command

from climate.models import (
    ArchivedFile,
    CarbonForecast,
    CarbonReading,
    CarbonReadingMean,
    CarbonReadingRevision,
)
from climate.selectors import get_signal, list_stored_readings
from climate.services.restoration import restore_archived_file
from climate.services.retention import retire_readings
from config.kernel.errors import Conflict, InvalidInput, NotFound
from tests.integration.climate.old_readings import ANCIENT, NOW, OLD, archived, fill, said

pytestmark = pytest.mark.usefixtures("folder")


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
    before = get_signal("DE", at=OLD, now=NOW), list_stored_readings("DE", since=OLD, until=NOW, now=NOW)
    retire_readings(now=NOW)
    restore(folder)
    assert (get_signal("DE", at=OLD, now=NOW), list_stored_readings("DE", since=OLD, until=NOW, now=NOW)) == before


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


def test_a_changed_copy_kept_elsewhere_is_said_to_have_changed(folder, tmp_path):
    fill(OLD)
    retire_readings(now=NOW)
    path = folder / ArchivedFile.objects.get().path
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(Conflict, match="has changed since it was archived"):
        restore_archived_file(path=copy, days=30, now=NOW)


def test_the_commands_say_in_plain_words_what_they_did(folder, capsys):
    fill(OLD)
    call_command("retire_readings")
    assert "48 rows went to the archive, in files: 1." in capsys.readouterr().out
    call_command("retire_readings")
    assert capsys.readouterr().out == "Nothing is old enough.\n"
    path = str(folder / ArchivedFile.objects.get().path)
    call_command("restore_readings", path)
    assert "48 of 48 rows came back to readings. They stay until 2" in capsys.readouterr().out
    call_command("restore_readings", path)
    assert "Nothing was missing. They stay until 2" in capsys.readouterr().out


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
    history = list_stored_readings("DE", since=ANCIENT, until=ANCIENT + timedelta(days=1), now=NOW)
    assert {signal.period_minutes for signal in history} == {30}
