"""Bringing rows back from the archive, for a while: to look at them, to compute something again.

The file stays where it is. The means that the rows left behind stay too; selectors read the
finer rows while both are there. When the time is over the next run finds the file again and
only deletes the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zlib import error as ZlibError

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from climate.models import ArchivedFile, GridZone
from climate.services.archive import ArchiveDamaged, read_archive_file, sha256_of
from climate.services.archive_tables import TABLES, ArchivedTable
from config.kernel.errors import Conflict, InvalidInput, NotFound

ROWS_AT_ONCE = 500
LONGEST_STAY_DAYS = 3_660


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came back: rows in the file, rows that were missing and are there again, and until when."""

    what: str
    rows: int
    added: int
    stays_until: datetime


@transaction.atomic
def restore_archived_file(*, path: Path, days: int, now: datetime) -> Restored:
    """Put the rows of an archived file back into their table for `days` days. Rows that exist stay as they are.

    Raises NotFound for a file that the archive does not list, Conflict for one that is not what was
    archived, InvalidInput for a stay that is no number of days from 1 to 3,660.
    """
    if not 1 <= days <= LONGEST_STAY_DAYS:
        raise InvalidInput(f"Rows can be brought back for 1 to {LONGEST_STAY_DAYS:,} days.", field="days")
    listed = _listed(path)
    table = next(each for each in TABLES if each.name == listed.what)
    added = _put_back(table, _rows(path, table), listed)
    listed.stays_until = now + timedelta(days=days)
    listed.save(update_fields=["stays_until"])
    return Restored(what=listed.what, rows=listed.row_count, added=added, stays_until=listed.stays_until)


def _listed(path: Path) -> ArchivedFile:
    """The entry of a file, by its content: it may have been kept somewhere else. Raises NotFound, Conflict."""
    try:
        sha256 = sha256_of(path)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.", field="file") from error
    listed = ArchivedFile.objects.select_for_update().filter(sha256=sha256).first()
    if listed is not None:
        return listed
    resolved = path.resolve()
    inside = resolved.relative_to(settings.ARCHIVE_DIR).as_posix() if _is_inside(resolved) else path.name
    names = Q(path=inside) | Q(path__endswith=f"/{path.name}")  # a copy kept elsewhere may have changed, too
    if ArchivedFile.objects.filter(names).exists():
        raise Conflict(f"{path} has changed since it was archived: its SHA-256 is {sha256}. Nothing was restored.")
    raise NotFound(f"{path} is no file that was archived from this database.", field="file")


def _is_inside(path: Path) -> bool:
    return path.is_relative_to(settings.ARCHIVE_DIR)


def _rows(path: Path, table: ArchivedTable) -> list[object]:
    try:
        return list(read_archive_file(path, table.model, table.columns))
    except (ArchiveDamaged, EOFError, OSError, ZlibError) as error:
        raise Conflict(f"{path} cannot be read: {error}. Nothing was restored.") from error


def _put_back(table: ArchivedTable, rows: list[object], listed: ArchivedFile) -> int:
    """How many rows were missing. Raises Conflict for zones that are gone."""
    known = set(GridZone.objects.values_list("pk", flat=True))
    # What was not believed names its zone only as its source wrote it.
    gone = sorted({row.zone_id for row in rows if hasattr(row, "zone_id")} - known)
    if gone:
        raise Conflict(f"{listed.path} has rows of zones that are no more: {', '.join(gone)}. Add them first.")
    ages = (table.age_of(listed.first_at), table.age_of(listed.last_at))
    there = table.model.objects.filter(**{f"{table.moment}__range": ages})
    before = there.count()
    table.model.objects.bulk_create(rows, ignore_conflicts=True, batch_size=ROWS_AT_ONCE)
    return int(there.count() - before)
