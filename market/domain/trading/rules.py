"""Standing rules: what a budget's owner lets the worker sell or buy, from the forecast of the budget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

HOUR_SECONDS = 3600
NANO = Decimal(1_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A budget as its forecast sees it, in units. `remaining`: neither spent nor reserved.

    `burn` is what an hour is expected to take, `burn_high` the upper edge of the 80 % band; None: too
    little is known. `until` is the end of the period, or as far as the forecast looks.
    """

    remaining: Decimal
    burn: Decimal | None
    burn_high: Decimal | None
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a rule may still do today: lots by its own limit, lots that can be sold or may be bought at all."""

    of_rule: int
    of_budget: int

    @property
    def lots(self) -> int:
        """The lesser of both."""
        return max(0, min(self.of_rule, self.of_budget))


def sell_by(hour_utc: int, outlook: Outlook, now: datetime) -> datetime:
    """The next time it is that hour, or the end of the period where that comes first: later nothing is left."""
    today = now.replace(hour=hour_utc, minute=0, second=0, microsecond=0)
    return min(today if today > now else today + timedelta(days=1), outlook.until)


def unused_at(outlook: Outlook, at: datetime, now: datetime) -> Decimal | None:
    """Units that will be left then even if much is used until then; None if nobody can say."""
    if outlook.burn_high is None:
        return None
    return max(Decimal(0), outlook.remaining - outlook.burn_high * hours_between(now, at))


def missing_until(outlook: Outlook, now: datetime) -> Decimal | None:
    """Units that the budget lacks until its period ends at its usual pace, 0 where it lasts; None if unknown."""
    if outlook.burn is None:
        return None
    return max(Decimal(0), outlook.burn * hours_between(now, outlook.until) - outlook.remaining)


def hours_between(start: datetime, end: datetime) -> Decimal:
    """Hours from one moment to a later one, exact."""
    span = end - start
    micro = (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds
    return Decimal(max(0, micro)) / (HOUR_SECONDS * 1_000_000)


def lots_down(units: Decimal, lot_units: int) -> int:
    """Whole lots in a quantity: what is sold is there."""
    return int((units / lot_units).to_integral_value(rounding=ROUND_FLOOR))


def lots_up(units: Decimal, lot_units: int) -> int:
    """Lots that hold a quantity: what is bought is enough."""
    return int((units / lot_units).to_integral_value(rounding=ROUND_CEILING))


def usd_of_nano(nano_usd: int) -> Decimal:
    """A price in 1e-9 US$ as US$."""
    return Decimal(nano_usd) / NANO


def nano_of_usd(usd: Decimal) -> int | None:
    """A price in US$ as whole 1e-9 US$; None if it is not one, or not above zero."""
    nano = usd * NANO
    return int(nano) if nano >= 1 and nano == nano.to_integral_value() else None
