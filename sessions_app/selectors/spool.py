"""What waits outside of the database, on this machine, to be made good."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

ENDING = ".json"
DRAFT = ".part"
SET_ASIDE = "set-aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolDepth:
    """Files that wait, emergency records among them, and files that were set aside for a person to look at."""

    waiting: int
    emergencies: int
    set_aside: int
    oldest_at: datetime | None


def get_spool_depth() -> SpoolDepth:
    """How much waits on this machine. Raises OSError if a folder is there and cannot be read or trusted."""
    spooled, short = list_waiting(settings.SPOOL_DIR), list_waiting(settings.EMERGENCY_DIR)
    aside = [path for folder in (settings.SPOOL_DIR, settings.EMERGENCY_DIR) for path in _files(folder / SET_ASIDE)]
    oldest = min((at for each in (*spooled, *short) if (at := _written_at(each))), default=None)
    return SpoolDepth(
        waiting=len(spooled) + len(short),
        emergencies=len(short),
        set_aside=len(aside),
        oldest_at=oldest,
    )


def has_waiting() -> bool:
    """Whether anything waits on this machine; False also where that cannot be told."""
    try:
        return any(list_waiting(folder) for folder in (settings.SPOOL_DIR, settings.EMERGENCY_DIR))
    except OSError:
        return False


def list_waiting(folder: Path) -> list[Path]:
    """Entries of a folder, without drafts. Raises OSError if it cannot be read or trusted."""
    return [path for path in _files(folder) if path.suffix == ENDING]


def require_own(folder: Path) -> None:
    """A folder in a place open to all may be somebody else's trap, with records that nobody asked for.

    Raises PermissionError, FileNotFoundError.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PermissionError(f"{folder} is not a folder that only this user writes to")


def list_drafts(folder: Path) -> list[Path]:
    """What somebody is writing, or died while writing."""
    return [path for path in _files(folder) if path.suffix == DRAFT]


def _files(folder: Path) -> Iterator[Path]:
    try:
        if settings.EMERGENCY_DIR in (folder, folder.parent):
            require_own(settings.EMERGENCY_DIR)
        with os.scandir(folder) as entries:
            yield from (Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False))
    except FileNotFoundError:
        return


def _written_at(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    except FileNotFoundError:
        return None  # replayed in the meantime
