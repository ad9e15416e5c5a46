"""Files of rows that leave the database, written so that no crash can lose or half-write one.

One gzipped CSV per table and UTC day below `settings.ARCHIVE_DIR`. Column names carry the unit,
times are UTC, an empty cell is an unknown value. A file that exists is never written over by
another one: a second file of the same day gets the next number.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import StringIO, TextIOWrapper
from itertools import count
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Field, Model

from climate.models import ArchivedFile

HEADERS = {
    "zone_id": "zone",
    "starts_at": "starts_at_utc",
    "received_at": "received_at_utc",
    "replaced_at": "replaced_at_utc",
    "issued_at": "issued_at_utc",
    "scored_at": "scored_at_utc",
    "first_seen_at": "first_seen_at_utc",
    "last_seen_at": "last_seen_at_utc",
    "day": "day_utc",
    "renewable_share": "renewable_share_0_to_1",
    "carbon_free_share": "carbon_free_share_0_to_1",
}
"""Columns whose name alone does not say how their values are written."""
COMPRESSION = 6
CHUNK_BYTES = 1024 * 1024


class ArchiveDamaged(Exception):
    """What was read back from the disk is not what was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """A file that is safely on the disk, by its path below the archive folder."""

    path: str
    row_count: int
    size_bytes: int
    sha256: str


def write_archive_file(what: str, day: date, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> WrittenFile:
    """Write rows of a table and a day, read them back, and only then give the file its name.

    A file of exactly these rows that is there already is left as it is. Raises ArchiveDamaged, OSError.
    """
    folder = settings.ARCHIVE_DIR / what / f"{day:%Y}"
    _make_folder(folder)
    draft = folder / f"{what}-{day}.part"  # one day is archived by one process at a time
    row_count, content_digest = _write(draft, columns, rows)
    _check(draft, row_count, content_digest)
    sha256 = sha256_of(draft)
    target = next(path for path in _names(folder, what, day) if _is_free(path, sha256))
    size_bytes = draft.stat().st_size
    os.replace(draft, target)
    _sync_folder(folder)
    return WrittenFile(path=_below_archive(target), row_count=row_count, size_bytes=size_bytes, sha256=sha256)


def read_archive_file(path: Path, model: type[Model], columns: Sequence[str]) -> Iterator[Model]:
    """The rows of a file as unsaved objects. Raises ArchiveDamaged for a file with other columns."""
    fields: list[Field[Any, Any]] = [_field(model, column) for column in columns]
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        if next(lines, None) != header_of(columns):
            raise ArchiveDamaged(f"{path} does not have the columns {', '.join(header_of(columns))}")
        for cells in lines:
            yield model(
                **{
                    column: None if cell == "" and field.null else field.to_python(cell)
                    for column, field, cell in zip(columns, fields, cells, strict=True)
                }
            )


def header_of(columns: Sequence[str]) -> list[str]:
    """The first line of a file with these columns."""
    return [HEADERS.get(column, column) for column in columns]


def sha256_of(path: Path) -> str:
    """Of a file as it is on the disk."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _field(model: type[Model], column: str) -> Field[Any, Any]:
    field: Any = model._meta.get_field(column.removesuffix("_id"))
    return field.target_field if field.is_relation else field  # type: ignore[no-any-return]


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> tuple[int, str]:
    """Number of rows and SHA-256 of the text; the bytes are the same whenever the rows are."""
    digest, row_count, line = hashlib.sha256(), 0, StringIO()
    writer = csv.writer(line, lineterminator="\n")
    with open(path, "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=COMPRESSION, fileobj=raw, mtime=0) as packed:
            writer.writerow(header_of(columns))
            for row in rows:
                writer.writerow(map(_cell, row))
                row_count += 1
                if line.tell() > CHUNK_BYTES:
                    _pass_on(line, packed, digest)
            _pass_on(line, packed, digest)
        raw.flush()
        os.fsync(raw.fileno())
    return row_count, digest.hexdigest()


def _pass_on(text: StringIO, packed: gzip.GzipFile, digest: Any) -> None:
    data = text.getvalue().encode()
    packed.write(data)
    digest.update(data)
    text.seek(0)
    text.truncate()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return repr(value) if isinstance(value, float) else str(value)


def _check(path: Path, row_count: int, content_digest: str) -> None:
    """Read what is on the disk. Raises ArchiveDamaged if it is something else."""
    digest = hashlib.sha256()
    try:
        with gzip.open(path, "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
            file.seek(0)
            found = sum(1 for _ in csv.reader(TextIOWrapper(file, encoding="utf-8", newline=""))) - 1
    except (EOFError, gzip.BadGzipFile) as error:
        raise ArchiveDamaged(f"{path} cannot be read back: {error}") from error
    if digest.hexdigest() != content_digest or found != row_count:
        raise ArchiveDamaged(f"{path} holds other rows than were written")


def _names(folder: Path, what: str, day: date) -> Iterator[Path]:
    for number in count(1):
        yield folder / (f"{what}-{day}.csv.gz" if number == 1 else f"{what}-{day}-{number}.csv.gz")


def _is_free(path: Path, sha256: str) -> bool:
    """Whether nothing has this name, on the disk or in the list of files, or only the very same content."""
    if path.exists() and sha256_of(path) != sha256:
        return False
    return not ArchivedFile.objects.filter(path=_below_archive(path)).exclude(sha256=sha256).exists()


def _below_archive(path: Path) -> str:
    return path.relative_to(settings.ARCHIVE_DIR).as_posix()


def _make_folder(folder: Path) -> None:
    """Make it and what is above it, each known to the disk before anything is put into it."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
