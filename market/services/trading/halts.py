"""Times without trade: by an administrator, or because a price moved too far. Orders stay as they are."""

from __future__ import annotations

from datetime import datetime

from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.events import publish
from config.kernel.transactions import transactional
from market.events import TradingChanged
from market.models import Instrument, TradingHalt

CLOCK = "clock"


@transactional
def halt_trading(
    *, instrument_code: str | None, reason: str, until: datetime | None, actor: str, now: datetime
) -> TradingHalt:
    """Halt an instrument, or everything. Open orders stay and can be cancelled; no call trades.

    `until` None: until somebody resumes. Raises InvalidInput naming `until`, `reason` or `instrument`, and
    Conflict `already_halted`.
    """
    if not reason.strip():
        raise InvalidInput("A halt needs a reason, which everybody reads.", field="reason", code="blank")
    if until is not None and until <= now:
        raise InvalidInput("A halt ends in the future.", field="until", code="past")
    _lock(instrument_code)
    end_halts_of(instrument_code, now=now)
    if TradingHalt.objects.filter(instrument=instrument_code, ended_at=None).exists():
        what = instrument_code or "Everything"
        raise Conflict(f"{what} is halted already. Resume it first.", code="already_halted")
    return open_halt(instrument_code, kind=TradingHalt.Kind.ADMIN, reason=reason, until=until, actor=actor, now=now)


@transactional
def resume_trading(*, halt_id: int, actor: str, now: datetime) -> TradingHalt:
    """End a halt. Raises NotFound, and Conflict `not_halted` if it has ended."""
    known = TradingHalt.objects.filter(pk=halt_id).values_list("instrument", flat=True)
    if not known:
        raise NotFound("There is no such halt.")
    _lock(known[0])
    halt = TradingHalt.objects.select_for_update().get(pk=halt_id)
    if halt.ended_at is not None:
        raise Conflict("This halt has ended already.", code="not_halted")
    return _end(halt, actor=actor, now=now)


def end_due_halts(*, now: datetime) -> int:
    """End the halts whose time is over; how many."""
    due = TradingHalt.objects.filter(ended_at=None, until__lte=now).order_by("pk").values_list("pk", flat=True)
    return sum(_end_due(halt_id=halt_id, now=now) for halt_id in list(due))


def open_halt(
    instrument_code: str | None,
    *,
    kind: TradingHalt.Kind,
    reason: str,
    until: datetime | None,
    actor: str,
    now: datetime,
) -> TradingHalt:
    """Store a halt and tell of it. The caller has locked the instrument."""
    halt = TradingHalt.objects.create(
        instrument_id=instrument_code, kind=kind, starts_at=now, until=until, reason=reason, actor=actor
    )
    publish(TradingChanged(instrument=instrument_code, is_halted=True, reason=reason, at=now))
    return halt


def end_halts_of(instrument_code: str | None, *, now: datetime) -> None:
    """End the halts of a locked instrument (None: of everything) whose time is over."""
    due = TradingHalt.objects.select_for_update().filter(instrument=instrument_code, ended_at=None, until__lte=now)
    for halt in due:
        _end(halt, actor=CLOCK, now=now)


@transactional
def _end_due(*, halt_id: int, now: datetime) -> bool:
    halt = TradingHalt.objects.select_for_update().get(pk=halt_id)
    if halt.ended_at is not None:
        return False  # another worker was here first
    _end(halt, actor=CLOCK, now=now)
    return True


def _end(halt: TradingHalt, *, actor: str, now: datetime) -> TradingHalt:
    halt.ended_at, halt.ended_by = now, actor
    halt.save(update_fields=["ended_at", "ended_by"])
    publish(TradingChanged(instrument=halt.instrument_id, is_halted=False, reason=halt.reason, at=now))
    return halt


def _lock(instrument_code: str | None) -> None:
    """One halt at a time: the instrument's row, or for everything all of them."""
    rows = Instrument.objects.select_for_update().order_by("code")
    if instrument_code is None:
        list(rows.values_list("code"))
    elif rows.filter(code=instrument_code).first() is None:
        raise NotFound("There is no such instrument.", field="instrument")
