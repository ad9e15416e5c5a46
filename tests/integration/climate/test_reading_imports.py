"""Files of readings: judged in the background, stored whole and only when confirmed, and taken up again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from climate.domain.reading_file import LARGEST_BYTES
from climate.domain.signal import Scope
from climate.events import ReadingsCollected
from climate.models import CarbonReading, CarbonReadingRevision, GridZone, ReadingImport
from climate.selectors import get_signal
from climate.services import reading_import_report, reading_imports
from climate.services.reading_imports import begin_import, confirm_import, continue_import, list_stale_imports
from climate.tasks import continue_reading_import, resume_reading_imports
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.events import _subscribers

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
HEADER = "starts_at,period_minutes,intensity_g_per_kwh,renewable_share,carbon_free_share\n"
GOOD = HEADER + "2026-03-04T09:00Z,60,200,0.4,\n2026-03-04T10:00Z,60,210.5,,0.6\n"


@pytest.fixture(autouse=True)
def site(db):
    User.objects.create_user("root", id=7)
    return GridZone.objects.create(code="SITE-ROOF", name="Our roof")


def bring(text: str = GOOD, **changes) -> int:
    given = {
        "zone_code": "SITE-ROOF",
        "source": "site-roof",
        "scope": Scope.LIFECYCLE,
        "origin": "our meter",
        "file_name": "roof.csv",
        "content": text.encode(),
        "author_id": 7,
        "now": NOW,
    }
    return begin_import(**{**given, **changes})


def check(text: str = GOOD, **changes) -> ReadingImport:
    import_id = bring(text, **changes)
    continue_import(import_id=import_id, now=NOW)
    return ReadingImport.objects.get(pk=import_id)


def store(text: str = GOOD, *, now: datetime = NOW, **changes) -> ReadingImport:
    brought = check(text, **changes)
    confirm_import(import_id=brought.pk, reason="meter was read", author_id=7, now=now)
    continue_import(import_id=brought.pk, now=now)
    return ReadingImport.objects.get(pk=brought.pk)


def stored() -> list[tuple]:
    rows = CarbonReading.objects.order_by("starts_at")
    return list(rows.values_list("starts_at__hour", "intensity_g_per_kwh", "renewable_share", "carbon_free_share"))


def test_a_good_file_waits_with_its_report_and_stores_nothing():
    brought = check(GOOD.replace("T09", "T07"))
    assert (brought.state, brought.row_count, brought.done_count) == ("ready", 2, 2)
    assert brought.report == {
        "good": 2,
        "bad": 0,
        "mistakes": [],
        "more_mistakes": 0,
        "first_at": "2026-03-04T07:00:00+00:00",
        "last_at": "2026-03-04T10:00:00+00:00",
        "lowest_g_per_kwh": 200.0,
        "mean_g_per_kwh": 205.25,
        "highest_g_per_kwh": 210.5,
        "gaps": [["2026-03-04T08:00:00+00:00", "2026-03-04T10:00:00+00:00"]],
        "gap_count": 1,
        "gap_minutes": 120,
        "new": 2,
        "changed": 0,
        "equal": 0,
    }
    assert stored() == []


def test_a_confirmed_file_becomes_live_readings_of_its_zone(django_capture_on_commit_callbacks):
    told = []
    _subscribers[ReadingsCollected].append(told.append)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            brought = store()
    finally:
        _subscribers[ReadingsCollected].remove(told.append)
    assert brought.state == "done"
    assert stored() == [(9, 200.0, 0.4, None), (10, 210.5, None, 0.6)]
    signal = get_signal("SITE-ROOF", at=NOW, now=NOW + timedelta(minutes=1))
    assert (signal.basis, signal.source, signal.intensity_g_per_kwh) == ("live", "site-roof", 210.5)
    assert [(event.source, event.zones) for event in told] == [("site-roof", ("SITE-ROOF",))]


def test_who_confirmed_when_and_why_is_kept_with_the_digest_of_the_file():
    brought = store()
    assert (brought.confirmed_by_id, brought.confirmed_at, brought.reason) == (7, NOW, "meter was read")
    record = brought.history.filter(state="storing").get()
    assert (record.history_change_reason, record.sha256) == ("meter was read", brought.sha256)


def test_a_file_without_a_reason_stays_where_it_is():
    brought = check()
    with pytest.raises(InvalidInput) as refusal:
        confirm_import(import_id=brought.pk, reason="  ", author_id=7, now=NOW)
    assert refusal.value.field == "reason"
    brought.refresh_from_db()
    assert brought.state == "ready"


def test_one_bad_row_refuses_the_whole_file_and_cannot_be_confirmed():
    brought = check(GOOD + "2026-03-04T08:00,60,5,,\n2026-03-04T09:00Z,60,200,,\n")
    assert brought.state == "refused"
    assert (brought.report["good"], brought.report["bad"]) == (2, 2)
    assert [mistake[:2] for mistake in brought.report["mistakes"]] == [
        [4, "starts_at"],
        [4, "intensity_g_per_kwh"],
        [5, "starts_at"],
    ]
    with pytest.raises(Conflict, match="has mistakes"):
        confirm_import(import_id=brought.pk, reason="anyway", author_id=7, now=NOW)
    continue_import(import_id=brought.pk, now=NOW)
    assert stored() == []


def test_of_very_many_mistakes_the_first_are_shown_and_the_rest_counted():
    brought = check(HEADER + "x,60,200,,\n" * 80)
    assert (len(brought.report["mistakes"]), brought.report["more_mistakes"]) == (50, 30)
    assert brought.report["mistakes"][0][0] == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04", "Save the sheet as CSV"),
        (b"\x00\x01\x02", "no text"),
        (b"<!doctype html>\n", "Known are"),
        (GOOD.replace(",", ";").encode(), "semicolons"),
    ],
)
def test_a_file_that_is_something_else_is_refused_in_a_sentence(content, words):
    brought = check(content=content)
    assert brought.state == "refused"
    assert words in brought.report["refusal"]
    assert stored() == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"zone_code": "NOWHERE"}, "zone"),
        ({"source": "energy-charts"}, "source"),
        ({"source": "site-"}, "source"),
        ({"source": "site-" + "a" * 40}, "source"),
        ({"origin": " "}, "origin"),
        ({"content": b"x" * (LARGEST_BYTES + 1)}, "file"),
    ],
)
def test_a_file_that_cannot_be_taken_in_leaves_no_trace(changes, field):
    with pytest.raises((InvalidInput, NotFound)) as refusal:
        bring(**changes)
    assert refusal.value.field == field
    assert not ReadingImport.objects.exists()


def test_a_second_file_says_what_it_changes_and_the_earlier_version_is_kept():
    store()
    again = check(GOOD.replace("210.5", "250") + "2026-03-04T08:00Z,60,190,,\n", now=NOW + timedelta(hours=1))
    assert (again.report["new"], again.report["changed"], again.report["equal"]) == (1, 1, 1)
    confirm_import(import_id=again.pk, reason="meter corrected", author_id=7, now=NOW)
    continue_import(import_id=again.pk, now=NOW)
    assert [row[1] for row in stored()] == [190, 200, 250]
    assert list(CarbonReadingRevision.objects.values_list("intensity_g_per_kwh", "source")) == [(210.5, "site-roof")]
    again.refresh_from_db()
    assert (again.report["new"], again.report["changed"], again.report["equal"]) == (1, 1, 1)


def test_the_same_file_twice_changes_nothing():
    store()
    before = list(CarbonReading.objects.values())
    again = store(now=NOW + timedelta(hours=1))
    assert (again.report["new"], again.report["changed"], again.report["equal"]) == (0, 0, 2)
    assert list(CarbonReading.objects.values()) == before


def test_direct_readings_are_kept_apart():
    store(HEADER + "2026-03-04T10:00Z,60,0,,\n", scope=Scope.DIRECT)
    assert CarbonReading.objects.get().scope == "direct"
    assert get_signal("SITE-ROOF", at=NOW, now=NOW).basis != "live"


def test_an_error_while_storing_stores_nothing_and_says_so(monkeypatch):
    brought = check()
    confirm_import(import_id=brought.pk, reason="meter was read", author_id=7, now=NOW)
    real = reading_imports.keep_readings

    def keep(**given):
        real(**given)
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(reading_imports, "keep_readings", keep)
    continue_import(import_id=brought.pk, now=NOW)
    brought.refresh_from_db()
    assert brought.state == "failed"
    assert "no fault of the file" in brought.report["refusal"]
    assert stored() == []


@pytest.mark.parametrize("state", ["checking", "storing"])
def test_a_database_that_is_busy_is_no_fault_of_the_file(monkeypatch, state):
    import_id = bring() if state == "checking" else check().pk
    if state == "storing":
        confirm_import(import_id=import_id, reason="meter was read", author_id=7, now=NOW)

    def busy(*_args, **_given):
        raise OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(reading_imports, "keep_readings" if state == "storing" else "report_on", busy)
        with pytest.raises(OperationalError):
            continue_import(import_id=import_id, now=NOW)
    assert ReadingImport.objects.get().state == state
    later = NOW + timedelta(minutes=11)
    assert list_stale_imports(now=later) == [import_id]
    continue_import(import_id=import_id, now=later)
    assert ReadingImport.objects.get().state == ("done" if state == "storing" else "ready")


def test_the_file_is_read_before_other_writers_wait(monkeypatch):
    brought = check()
    confirm_import(import_id=brought.pk, reason="meter was read", author_id=7, now=NOW)
    real, held = reading_imports.read_file, []

    def read(*args, **given):
        held.append(bool(connection.savepoint_ids))
        return real(*args, **given)

    monkeypatch.setattr(reading_imports, "read_file", read)
    continue_import(import_id=brought.pk, now=NOW)
    assert (held, len(stored())) == ([False], 2)


def test_what_another_worker_ended_while_the_file_was_read_is_not_stored_again(monkeypatch):
    brought = check()
    confirm_import(import_id=brought.pk, reason="meter was read", author_id=7, now=NOW)
    real = reading_imports.read_file

    def read(*args, **given):
        ReadingImport.objects.update(state="done")
        return real(*args, **given)

    monkeypatch.setattr(reading_imports, "read_file", read)
    continue_import(import_id=brought.pk, now=NOW)
    assert stored() == []


def test_work_that_died_is_taken_up_again_by_the_sweep(monkeypatch):
    unchecked, unstored, fresh = bring(), check().pk, bring(source="site-fresh")
    confirm_import(import_id=unstored, reason="meter was read", author_id=7, now=NOW)
    later = NOW + timedelta(minutes=11)
    ReadingImport.objects.filter(pk=fresh).update(touched_at=later)
    assert list_stale_imports(now=later - timedelta(minutes=2)) == []
    assert sorted(list_stale_imports(now=later)) == [unchecked, unstored]
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    resume_reading_imports()
    states = dict(ReadingImport.objects.values_list("pk", "state"))
    assert (states[unchecked], states[unstored], states[fresh]) == ("ready", "done", "checking")
    assert len(stored()) == 2


def test_work_on_a_file_that_is_done_or_gone_changes_nothing():
    done = store()
    before = list(CarbonReading.objects.values())
    continue_reading_import(import_id=done.pk)
    continue_reading_import(import_id=done.pk + 99, from_a_newer_program=True)
    assert list(CarbonReading.objects.values()) == before


def test_progress_can_be_seen_while_a_file_is_checked(monkeypatch):
    seen = []
    monkeypatch.setattr(reading_import_report, "ROWS_PER_REPORT", 10)
    real = reading_import_report.overlaps_of

    def look(rows):
        seen.append(ReadingImport.objects.values_list("row_count", "done_count").get())
        return real(rows)

    monkeypatch.setattr(reading_import_report, "overlaps_of", look)
    check(large(25))
    assert seen == [(26, 20)]


def large(rows: int, *, add: float = 0.0) -> str:
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    return HEADER + "".join(
        f"{begin + timedelta(minutes=5 * i):%Y-%m-%dT%H:%MZ},5,{200 + i % 7 + add:.1f},0.4,0.6\n" for i in range(rows)
    )


def test_a_hundred_thousand_rows_are_stored_in_batches():
    with CaptureQueriesContext(connection) as asked:
        brought = store(large(100_000))
    assert (brought.state, brought.report["new"]) == ("done", 100_000)
    assert CarbonReading.objects.count() == 100_000
    assert len(asked) < 2_500
