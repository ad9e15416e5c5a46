"""What leaves a block leaves it at every ancestor: as spending, or as room."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import F

from budgets.domain.escrow import NOTHING, Block, Ended, add, less
from budgets.domain.units import Unit
from budgets.models import EscrowLease, HoldLine, LedgerEntry
from budgets.services.charging import Charge
from budgets.services.escrow.leases import Move, block_of, keep, lines_of


def charges_of(moves: Iterable[Move]) -> list[Charge]:
    """Take moves out of the lines of their blocks; what they are for each ancestor. The leases are locked."""
    wanted = [move for move in moves if add(move.spent, move.returned) != NOTHING]
    lines = lines_of([move.lease for move in wanted])
    charges = []
    for move in wanted:
        for line in lines[move.lease.hold_id]:
            unit = Unit(line.budget.unit)
            freed = move.spent.of(unit) + move.returned.of(unit)
            if freed:
                HoldLine.objects.filter(pk=line.pk).update(reserved=F("reserved") - freed)
                charges.append(_charge(move, line, used=move.spent.of(unit), freed=freed))
    return charges


def empty(lease: EscrowLease, *, now: datetime, gives_free: bool) -> list[Move]:
    """Take everything pending, and with `gives_free` everything free, out of a locked lease."""
    block = block_of(lease)
    returned = block.free if gives_free else NOTHING
    move = Move(lease=lease, spent=block.pending, returned=returned, spent_at=lease.pending_at or now)
    free = NOTHING if gives_free else block.free
    keep(lease, Block(free=free, used=block.used, pending=NOTHING), pending_at=None)
    return [move]


def settle_in(lease: EscrowLease, ended: Ended, *, now: datetime) -> list[Move]:
    """Put what the end of work leaves of a block into its locked lease; what goes to the ancestors at once.

    What is pending was all spent within one minute, so that it belongs to one period and one slice
    of time of every ancestor; what was spent before that minute is moved first.
    """
    before = block_of(lease)
    moves = []
    pending, since = ended.block.pending, lease.pending_at
    if since is not None and _minute(since) != _minute(now):
        moves.append(Move(lease=lease, spent=before.pending, returned=NOTHING, spent_at=since))
        pending, since = less(pending, before.pending), None
    since = since or now
    if lease.status != EscrowLease.Status.OPEN:
        moves.append(Move(lease=lease, spent=pending, returned=ended.returned, spent_at=since))
        pending = NOTHING
    keep(lease, Block(free=ended.block.free, used=ended.block.used, pending=pending), pending_at=since)
    return moves


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _charge(move: Move, line: HoldLine, *, used: int, freed: int) -> Charge:
    return Charge(
        budget=line.budget,
        hold=move.lease.hold,
        kind=LedgerEntry.Kind.ESCROW,
        spent_at=move.spent_at,
        used=used,
        freed=freed,
        is_moved=True,
    )
