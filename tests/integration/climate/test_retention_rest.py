"""What leaves besides readings: scores, values that nobody believed, the contents of imported files."""

from __future__ import annotations

from datetime import timedelta

import pytest

from climate.domain.signal import Scope
from climate.models import ArchivedFile, ForecastScore, QuarantinedValue, ReadingImport
from climate.services.import_leftovers import KEPT_FOR, drop_old_files
from climate.services.reading_imports import begin_import, confirm_import
from climate.services.restoration import restore_archived_file
from climate.services.retention import retire_readings
from config.kernel.errors import Conflict
from tests.integration.climate.old_readings import NOW, OLD, archived, said

pytestmark = pytest.mark.usefixtures("folder")

State = ReadingImport.State


def doubt(fingerprint: str, **changes) -> None:
    QuarantinedValue.objects.create(
        **{
            "fingerprint": fingerprint,
            "source": "meter",
            "what": "reading",
            "zone_code": "no-such-zone",
            "value": "-5 g/kWh",
            "reason": 'below 10, "impossible"',
            "first_seen_at": OLD,
            "last_seen_at": NOW - timedelta(days=91),
            **changes,
        }
    )


def score(day) -> None:
    sums = {"absolute_error_sum_g_per_kwh": 12.5, "relative_error_sum": 0.5, "banded_hours": 4, "covered_hours": 3}
    series = {"zone_id": "DE", "source": "meter", "kind": "average", "scope": "lifecycle"}
    ForecastScore.objects.create(**series, lead="1", day=day, hours=5, **sums)


def test_a_value_nobody_believed_leaves_when_it_was_not_seen_for_long():
    doubt("old")
    doubt("seen again", last_seen_at=NOW - timedelta(days=80))
    assert dict(retire_readings(now=NOW).rows) == {"quarantined_values": 1}
    assert [row["fingerprint"] for row in said(QuarantinedValue, "last_seen_at")] == ["seen again"]
    assert [(row["fingerprint"], row["zone_code"]) for row in archived("quarantined_values")] == [
        ("old", "no-such-zone")
    ]


def test_scores_leave_with_the_readings_they_were_made_of():
    score(OLD.date())
    score(OLD.date() + timedelta(days=1))
    assert dict(retire_readings(now=NOW).rows) == {"forecast_scores": 1}
    assert ForecastScore.objects.get().day == OLD.date() + timedelta(days=1)
    assert [row["day_utc"] for row in archived("forecast_scores")] == [f"{OLD:%Y-%m-%d}"]


def test_they_come_back_as_they_were_and_leave_again(folder):
    doubt("one")
    score(OLD.date())
    gone = said(QuarantinedValue, "last_seen_at"), said(ForecastScore, "day")
    retire_readings(now=NOW)
    for listed in ArchivedFile.objects.all():
        assert restore_archived_file(path=folder / listed.path, days=2, now=NOW).added == 1
    assert (said(QuarantinedValue, "last_seen_at"), said(ForecastScore, "day")) == gone
    assert dict(retire_readings(now=NOW + timedelta(days=1)).rows) == {}
    assert dict(retire_readings(now=NOW + timedelta(days=3)).rows) == {"quarantined_values": 1, "forecast_scores": 1}
    assert ArchivedFile.objects.count() == 2


def brought(state: State) -> ReadingImport:
    text = b"starts_at,period_minutes,intensity_g_per_kwh\n2026-03-03T10:00:00Z,60,210\n"
    given = {"zone_code": "DE", "source": "site-roof", "scope": Scope.LIFECYCLE, "origin": "meter"}
    pk = begin_import(**given, file_name="roof.csv", content=text, author_id=None, now=NOW)
    ReadingImport.objects.filter(pk=pk).update(state=state, touched_at=NOW, report={"good": 1})
    return ReadingImport.objects.get(pk=pk)


@pytest.mark.parametrize("state", [State.REFUSED, State.DONE, State.FAILED])
def test_a_file_that_is_over_for_long_keeps_its_row_and_loses_its_content(state):
    before = brought(state)
    assert drop_old_files(now=NOW + KEPT_FOR - timedelta(seconds=1)) == 0
    assert retire_readings(now=NOW + KEPT_FOR).dropped_files == 1
    after = ReadingImport.objects.get()
    assert (bytes(after.content), after.state) == (b"", state)
    assert (after.report, after.sha256, after.file_name) == (before.report, before.sha256, before.file_name)
    assert drop_old_files(now=NOW + 2 * KEPT_FOR) == 0


def test_a_file_that_nobody_confirms_lapses_and_can_be_confirmed_no_more():
    pk = brought(State.READY).pk
    drop_old_files(now=NOW + KEPT_FOR)
    after = ReadingImport.objects.get()
    assert (bytes(after.content), after.state, after.report) == (b"", State.LAPSED, {"good": 1})
    with pytest.raises(Conflict, match="nobody confirmed it"):
        confirm_import(import_id=pk, reason="late", author_id=None, now=NOW + KEPT_FOR)


@pytest.mark.parametrize("state", [State.CHECKING, State.STORING])
def test_a_file_at_work_is_left_alone(state):
    before = brought(state)
    assert drop_old_files(now=NOW + 2 * KEPT_FOR) == 0
    assert bytes(ReadingImport.objects.get().content) == bytes(before.content)
