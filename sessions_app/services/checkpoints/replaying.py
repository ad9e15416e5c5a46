"""Making good what waited outside of the database: each entry once, whoever replays it and however often."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import DataError, IntegrityError, InterfaceError, InternalError, OperationalError
from django.db.models import Q

from config.kernel.errors import Conflict, DomainError
from config.kernel.transactions import transactional
from sessions_app.domain.continuity import Notes
from sessions_app.domain.spooled import Damaged, Spooled, hash_of_agent, read
from sessions_app.models import Checkpoint, Instance, Session
from sessions_app.selectors.spool import list_waiting
from sessions_app.selectors.state import seq_at
from sessions_app.services.checkpoints.making import Origin, Said, make_checkpoint
from sessions_app.services.checkpoints.spool import set_aside, sweep_drafts, take_away
from sessions_app.services.log import locked
from sessions_app.services.thinking import thinking_first

logger = logging.getLogger(__name__)

STORE_FAILED = (OperationalError, InterfaceError, InternalError)
"""The database is gone, full, locked, or takes no writes."""
MOST_AT_ONCE = 500
MOST_FAILURES = 3
"""So many entries that the database does not take now: it takes no others either. One may wait for its session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """Entries that are in the database now, and files that were set aside for a person to look at."""

    made: int
    set_aside: int


def replay_spool(*, now: datetime, most: int = MOST_AT_ONCE) -> Replayed:
    """Bring what waits on this machine into the database, oldest first; what waits on goes on waiting.

    A file that is damaged, or that the session refuses, is set aside under a name that says why.
    """
    made = aside = failures = 0
    for path in _oldest(most):
        if failures >= MOST_FAILURES:
            break
        try:
            _replay(read(path.read_text()), now=now)
        except FileNotFoundError:
            continue  # somebody else has replayed it
        except STORE_FAILED:
            logger.warning("a spool file waits on: the database does not take it yet", extra={"file": path.name})
            failures += 1
        except OSError as error:
            logger.error("a spool file cannot be read", extra={"file": path.name, "reason": str(error)})
        except (Damaged, UnicodeDecodeError, DomainError) as error:
            set_aside(path, getattr(error, "code", "damaged"))
            aside += 1
        except (DataError, IntegrityError):
            logger.exception("the database will never take a spool file", extra={"file": path.name})
            set_aside(path, "refused")
            aside += 1
        else:
            take_away(path)
            made += 1
    return Replayed(made=made, set_aside=aside)


def _oldest(most: int) -> list[Path]:
    """Files that wait, in the order in which they were written."""
    found: list[tuple[float, str, Path]] = []
    for folder in (settings.SPOOL_DIR, settings.EMERGENCY_DIR):
        try:
            sweep_drafts(folder)
            found += [(path.stat().st_mtime, path.name, path) for path in list_waiting(folder)]
        except OSError as error:
            # Also where somebody else has just replayed one: the next round finds the others.
            logger.warning("a spool cannot be listed", extra={"folder": str(folder), "reason": str(error)})
    return [path for *_, path in sorted(found)[:most]]


@thinking_first
@transactional
def _replay(entry: Spooled, *, now: datetime) -> Checkpoint:
    session = locked(entry.session_id, team_id=entry.team_id)
    _require_agent(session, entry)
    origin = Origin(
        store=Checkpoint.Store.EMERGENCY if entry.is_short else Checkpoint.Store.SPOOL,
        key=entry.key,
        seq=_point(session, entry),
    )
    # The first words of a summary are no summary: they stand among what was done.
    notes = {"done": [entry.summary]} if entry.is_short and entry.summary else entry.notes
    said = Said(summary=None if entry.is_short else entry.summary, source=entry.source, notes=Notes(lines=dict(notes)))
    return make_checkpoint(session, reason=entry.reason, actor=entry.actor, now=now, said=said, origin=origin)


def _require_agent(session: Session, entry: Spooled) -> None:
    """Whoever asked was that agent then; a handoff since takes nothing from it. Raises Conflict `stale_epoch`."""
    if entry.agent_hash is None:
        return
    worked = Instance.objects.filter(session=session, activated_at__isnull=False)
    then = worked.filter(Q(retired_at=None) | Q(retired_at__gte=entry.at))
    if entry.epoch is not None:
        then = then.filter(epoch=entry.epoch)
    if entry.agent_hash not in map(hash_of_agent, then.values_list("agent", flat=True)):
        raise Conflict("Whoever asked was not the agent any more.", field="epoch", code="stale_epoch")


def _point(session: Session, entry: Spooled) -> int:
    """Where the log stood when it was asked for."""
    seq = seq_at(session.pk, entry.at) if entry.seq is None else entry.seq
    return max(1, min(seq, session.head_seq))
