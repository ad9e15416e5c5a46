"""Times without trade."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from config.kernel.errors import NotFound
from market.domain.trading.auction_views import HaltRow
from market.models import TradingHalt


def list_halts(
    *, instrument: str | None = None, is_open: bool | None = None, before: int | None = None, limit: int = 50
) -> list[HaltRow]:
    """Halts, those that began last first. With `instrument` those of everything too; `is_open` those not ended."""
    rows = TradingHalt.objects.order_by("-pk")
    if instrument is not None:
        rows = rows.filter(Q(instrument=instrument) | Q(instrument=None))
    if is_open is not None:
        rows = rows.filter(ended_at__isnull=is_open)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return [_row(each) for each in rows[:limit]]


def get_halt(halt_id: int) -> HaltRow:
    """One halt. Raises NotFound."""
    halt = TradingHalt.objects.filter(pk=halt_id).first()
    if halt is None:
        raise NotFound("There is no such halt.")
    return _row(halt)


def find_halt(instrument: str, *, at: datetime) -> HaltRow | None:
    """The halt that keeps an instrument from trading at a moment: of everything, or its own."""
    found = list_halts_in_force(at=at)
    return next((each for each in found if each.instrument in (None, instrument)), None)


def halted_time(instrument: str, *, since: datetime, until: datetime) -> timedelta:
    """How long an instrument did not trade between two moments; halts that overlap count once."""
    halts = TradingHalt.objects.filter(Q(instrument=instrument) | Q(instrument=None), starts_at__lt=until)
    total, reached = timedelta(), since
    for halt in halts.order_by("starts_at"):
        ends = min(each for each in (halt.until, halt.ended_at, until) if each is not None)
        total += max(timedelta(), ends - max(reached, halt.starts_at))
        reached = max(reached, ends)
    return total


def list_halts_in_force(*, at: datetime) -> list[HaltRow]:
    """All halts at a moment, those of everything first."""
    rows = sorted(in_force(at), key=lambda halt: (halt.instrument_id or "", halt.pk))
    return [_row(each) for each in rows]


def in_force(at: datetime) -> QuerySet[TradingHalt]:
    """Halts that nobody has ended and whose end has not come."""
    return TradingHalt.objects.filter(Q(until=None) | Q(until__gt=at), ended_at=None)


def _row(halt: TradingHalt) -> HaltRow:
    return HaltRow(
        id=halt.pk,
        instrument=halt.instrument_id,
        kind=halt.kind,
        starts_at=halt.starts_at,
        until=halt.until,
        ended_at=halt.ended_at,
        reason=halt.reason,
        actor=halt.actor,
        ended_by=halt.ended_by,
    )
