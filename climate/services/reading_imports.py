"""Files of readings that people bring: checked in the background, stored only when a person has confirmed them.

A file is a row first, with its content. Checking and storing may die at any time: a file whose
work has not moved for long is taken up again from the start, for nothing but the last
transaction stores anything.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from climate.domain.collected import CollectedReading
from climate.domain.reading_file import LARGEST_BYTES, MOST_ROWS, Row, UnreadableFile
from climate.domain.signal import Scope
from climate.events import ReadingImportDue, ReadingsCollected
from climate.models import GridZone, ReadingImport
from climate.services.collect.readings import keep_readings
from climate.services.reading_import_report import read_file, report_on
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.events import publish

logger = logging.getLogger(__name__)

SOURCE_NAME = re.compile(r"site-[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_REASON_CHARACTERS = 100
STALE_AFTER = timedelta(minutes=10)
State = ReadingImport.State
AT_WORK = (State.CHECKING, State.STORING)
Clock = Callable[[], datetime]


@transaction.atomic
def begin_import(
    *,
    zone_code: str,
    source: str,
    scope: Scope,
    origin: str,
    file_name: str,
    content: bytes,
    author_id: int | None,
    now: datetime,
) -> int:
    """Take a file in, to be checked in the background; return its id. Nothing of it is stored as a reading yet.

    Raises InvalidInput naming the field at fault, NotFound for an unknown zone.
    """
    _check_words(zone_code, source, origin)
    if len(content) > LARGEST_BYTES:
        raise InvalidInput(f"A file may have {LARGEST_BYTES / 2**20:.0f} MiB and {MOST_ROWS:,} rows.", field="file")
    brought = ReadingImport.objects.create(
        zone_id=zone_code,
        source=source,
        scope=scope,
        origin=origin.strip()[:200],
        file_name=file_name[-200:],
        content=zlib.compress(content),
        sha256=hashlib.sha256(content).hexdigest(),
        created_at=now,
        touched_at=now,
        author_id=author_id,
    )
    publish(ReadingImportDue(import_id=brought.pk))
    return brought.pk


def _check_words(zone_code: str, source: str, origin: str) -> None:
    if not GridZone.objects.filter(pk=zone_code).exists():
        raise NotFound(f"There is no grid zone {zone_code!r}.", field="zone")
    if not SOURCE_NAME.fullmatch(source) or len(source) > 40:
        words = "Name the source site- and then small letters, digits and single hyphens, 40 characters at most."
        raise InvalidInput(words, field="source")
    if not origin.strip():
        raise InvalidInput("Say where the values come from: meter, publisher, method.", field="origin")


@transaction.atomic
def confirm_import(*, import_id: int, reason: str, author_id: int | None, now: datetime) -> None:
    """Have the readings of a checked file stored in the background.

    Raises NotFound, InvalidInput without a reason, Conflict for a file that does not wait for it.
    """
    found = ReadingImport.objects.select_for_update().filter(pk=import_id).first()
    if found is None:
        raise NotFound("There is no such file.")
    if not reason.strip():
        raise InvalidInput("Say why these readings are stored.", field="reason")
    if found.state != State.READY:
        raise Conflict(f"This file cannot be confirmed. Its state: {found.get_state_display()}.")
    found.state = State.STORING
    found.reason = reason.strip()[:LONGEST_REASON_CHARACTERS]
    found.confirmed_by_id, found.confirmed_at = author_id, now
    found.done_count, found.touched_at = 0, now
    found._change_reason = found.reason  # type: ignore[attr-defined]
    found.save()
    publish(ReadingImportDue(import_id=import_id))


def list_stale_imports(*, now: datetime) -> list[int]:
    """Files at work that have not moved for ten minutes, oldest first."""
    rows = ReadingImport.objects.filter(state__in=AT_WORK, touched_at__lte=now - STALE_AFTER)
    return list(rows.order_by("touched_at").values_list("pk", flat=True))


def continue_import(*, import_id: int, now: datetime) -> None:
    """Check a new file, store a confirmed one; nothing for any other. Safe to repeat.

    An error that nobody foresaw is logged and becomes the file's state. One of the database is raised: it says
    nothing of the file, which stays at work and is taken up again.
    """
    clock = _clock_from(now)
    state = ReadingImport.objects.filter(pk=import_id).values_list("state", flat=True).first()
    try:
        if state == State.CHECKING:
            _check(ReadingImport.objects.get(pk=import_id), clock)
        elif state == State.STORING:
            _store(import_id, clock)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("a file of readings could not be worked on", extra={"import_id": import_id})
        report = {"refusal": "An error that is no fault of the file stopped the work. The log has it."}
        _end(import_id, state or "", State.FAILED, report, clock)


def _clock_from(now: datetime) -> Clock:
    """The caller's `now`, moved on by the time that has passed since."""
    started = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - started)


def _check(brought: ReadingImport, clock: Clock) -> None:
    try:
        contents = read_file(brought, now=clock(), progress=lambda done, rows: _say(brought.pk, done, rows, clock))
    except UnreadableFile as refusal:
        _end(brought.pk, State.CHECKING, State.REFUSED, {"refusal": str(refusal)}, clock)
        return
    report = report_on(brought, contents)
    _end(brought.pk, State.CHECKING, State.REFUSED if contents.mistakes else State.READY, report, clock)


def _say(import_id: int, done: int, rows: int, clock: Clock) -> None:
    """How far the checking is."""
    mine = ReadingImport.objects.filter(pk=import_id, state=State.CHECKING)
    mine.update(done_count=done, row_count=rows, touched_at=clock())


def _store(import_id: int, clock: Clock) -> None:
    """Read the file first, which may take seconds, and only then keep other writers waiting."""
    brought = ReadingImport.objects.get(pk=import_id)
    contents = read_file(brought, now=clock())
    if contents.mistakes:
        raise RuntimeError(f"file {import_id} was good when it was checked")
    _keep(import_id, [_reading(brought, row) for row in contents.rows], clock)


@transaction.atomic
def _keep(import_id: int, readings: list[CollectedReading], clock: Clock) -> None:
    """All readings and the file's new state, or nothing."""
    brought = ReadingImport.objects.select_for_update().defer("content").get(pk=import_id)
    if brought.state != State.STORING:
        return  # another worker was faster
    # Imports into one zone take turns; readings of live sources go on meanwhile.
    GridZone.objects.select_for_update(no_key=True).get(pk=brought.zone_id)
    now = clock()
    kept = keep_readings(source=brought.source, readings=readings, now=now)
    report = {**brought.report, "new": kept.new, "changed": kept.revised}
    report["equal"] = len(readings) - kept.new - kept.revised
    _end(import_id, State.STORING, State.DONE, report, clock)
    publish(ReadingsCollected(source=brought.source, zones=(brought.zone_id,), at=now))


def _reading(brought: ReadingImport, row: Row) -> CollectedReading:
    return CollectedReading(
        zone=brought.zone_id,
        starts_at=row.starts_at,
        period_minutes=row.period_minutes,
        intensity_g_per_kwh=row.intensity_g_per_kwh,
        scope=Scope(brought.scope),
        renewable_share=row.renewable_share,
        carbon_free_share=row.carbon_free_share,
    )


@transaction.atomic
def _end(import_id: int, was: str, state: State, report: dict[str, Any], clock: Clock) -> None:
    """Write the outcome, unless somebody else has."""
    found = ReadingImport.objects.select_for_update().filter(pk=import_id, state=was).first()
    if found is None:
        return
    counted = int(report.get("good", 0)) + int(report.get("bad", 0))
    found.state, found.report, found.touched_at = state, report, clock()
    found.row_count = found.done_count = counted
    found.save()
