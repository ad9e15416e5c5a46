"""The rungs below the database: a file of one's own, an emergency record elsewhere, a line of the log.

A file is there whole or not at all: it is written under another name, forced to the disk, then renamed.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings

from sessions_app.domain.spooled import Spooled, shortened, written
from sessions_app.models import Checkpoint
from sessions_app.selectors.spool import DRAFT, ENDING, SET_ASIDE, list_drafts, list_waiting, require_own

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""So many files of at most about a megabyte may wait; what comes then falls to the next rung."""
DRAFT_IS_DEAD_AFTER_SECONDS = 3600
LOG = "log"


def put_aside(entry: Spooled) -> str:
    """Keep an entry on the highest rung that holds, and return which: `spool`, `emergency` or `log`."""
    try:
        _write(settings.SPOOL_DIR, entry)
    except OSError as error:
        logger.error("checkpoint spool failed", extra={"reason": str(error), "key": entry.key})
    else:
        logger.warning("checkpoint spooled", extra={"session": str(entry.session_id), "key": entry.key})
        return Checkpoint.Store.SPOOL
    short = shortened(entry)
    try:
        settings.EMERGENCY_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_own(settings.EMERGENCY_DIR)
        _write(settings.EMERGENCY_DIR, short)
    except OSError as error:
        logger.critical("checkpoint kept in this line only", extra={"record": written(short), "reason": str(error)})
        return LOG
    logger.critical("checkpoint emergency record", extra={"record": written(short)})
    return Checkpoint.Store.EMERGENCY


def take_away(path: Path) -> None:
    """Remove an entry that is in the database now; one that stays is found there again, and no other waits for it."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.error("checkpoint spool file cannot be removed", extra={"file": path.name, "reason": str(error)})


def set_aside(path: Path, why: str) -> None:
    """Move a file that nobody can replay to where a person finds it, with the reason in its name."""
    folder = path.parent / SET_ASIDE
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        path.rename(folder / f"{path.stem}.{why}{ENDING}")
    except FileNotFoundError:
        return  # somebody else has done it
    except OSError as error:
        logger.error("checkpoint spool file cannot be moved", extra={"file": path.name, "reason": str(error)})
    else:
        logger.error("checkpoint spool file set aside", extra={"file": path.name, "reason": why})


def sweep_drafts(folder: Path) -> None:
    """Remove what somebody died while writing: nobody was told that it is kept."""
    for path in list_drafts(folder):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > DRAFT_IS_DEAD_AFTER_SECONDS:
                path.unlink()


def _write(folder: Path, entry: Spooled) -> None:
    """Raises OSError if the disk does not have it, or has enough."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"{entry.name}{ENDING}"
    if target.exists():
        return  # asked again under the same key: the first stands
    if len(list_waiting(folder)) >= MOST_WAITING:
        raise OSError(f"{MOST_WAITING} files wait in {folder}")
    with NamedTemporaryFile("w", dir=folder, suffix=DRAFT, delete=False) as draft:  # made with mode 600
        try:
            draft.write(written(entry))
            draft.flush()
            os.fsync(draft.fileno())
            Path(draft.name).replace(target)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
