"""Patterns that auditors look at: hoarding, trading with oneself, orders that were never meant to trade.

A pattern is no proof. It is told with the figures that show it, the team may appeal, and a person decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from market.domain.trading.terms import MarketTerms

OPEN_ENDED_HOURS = 31 * 24.0
"""Quota without an end is taken as meant for so long: as far as forecasts look."""
LOOK_BACK = timedelta(days=7)
WASH_TIMES = 3
"""So many clearings or hours of a week with the same organisation on both sides are a pattern."""
SPOOF_TIMES = 5
"""So many large orders of a day, taken back before any of it traded, are a pattern."""
SPOOF_WITHIN = timedelta(days=1)
LARGE_FACTOR = 5
"""An order is large from so many times the median order of others."""
LEAST_OTHERS = 5
"""With fewer orders of others nothing is known of what is usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idleness:
    """A budget in steps: its limit, what is free now and what was used in the last `window_hours`.

    `hours_left` until its period ends and `period_hours` it lasts; None: it does not end by itself.
    """

    limit: int
    free: int
    used: int
    window_hours: int
    hours_left: float | None
    period_hours: float | None


def idle_steps(budget: Idleness) -> int:
    """What will be left of a budget if it is used on at the pace of the window: free less pace x hours left."""
    hours_left = OPEN_ENDED_HOURS if budget.hours_left is None else budget.hours_left
    return max(0, budget.free - round(budget.used * hours_left / budget.window_hours))


def is_hoarding(budget: Idleness, *, idle_percent: int) -> bool:
    """Whether at least `idle_percent` of the limit is idle, and was in all of the window.

    Where the period is shorter than the window, as many limits passed in it as periods: of those, too, at
    least that share was not used.
    """
    was_whole = budget.period_hours is None or budget.period_hours >= budget.window_hours
    if not was_whole and budget.period_hours is not None:
        most = budget.limit * budget.window_hours / budget.period_hours
        if budget.used * 100 > most * (100 - idle_percent):
            return False
    return idle_steps(budget) * 100 >= budget.limit * idle_percent


def charge_of(*, idle: int, lot_steps: int, reference_ticks: int, terms: MarketTerms) -> int:
    """Micro-USD: the policy's percentage of the idle value at the reference price, rounded down."""
    return idle * reference_ticks * terms.hoarding_charge_percent // (lot_steps * 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One fill as surveillance sees it. `session` tells clearings and hours of a book apart."""

    organisation_id: int
    team_id: int
    instrument: str
    session: str
    is_buy: bool
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WashPattern:
    """An organisation that was on both sides of an instrument: in which sessions, and with how many lots in each."""

    organisation_id: int
    team_ids: tuple[int, ...]
    instrument: str
    lots_by_session: Mapping[str, int]

    @property
    def evidence(self) -> dict[str, Any]:
        """Plain JSON values that show it."""
        return {
            "organisation": self.organisation_id,
            "teams": list(self.team_ids),
            "lots_on_both_sides": dict(self.lots_by_session),
            "times": len(self.lots_by_session),
            "times_from": WASH_TIMES,
        }


def wash_patterns(fills: Iterable[Fill]) -> list[WashPattern]:
    """Organisations that bought and sold the same instrument in the same session, often enough to be looked at.

    The clearing house stands between buyers and sellers, so it is the same hand on both sides that shows;
    the lots are what it could have bought from itself.
    """
    bought: defaultdict[tuple[int, str], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    sold: defaultdict[tuple[int, str], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    teams: defaultdict[tuple[int, str, str], set[int]] = defaultdict(set)
    for each in fills:
        key = each.organisation_id, each.instrument
        (bought if each.is_buy else sold)[key][each.session] += each.lots
        teams[*key, each.session].add(each.team_id)
    found = []
    for key in sorted(bought.keys() & sold.keys()):
        both = sorted(bought[key].keys() & sold[key].keys())
        if len(both) >= WASH_TIMES:
            found.append(
                WashPattern(
                    organisation_id=key[0],
                    instrument=key[1],
                    team_ids=tuple(sorted({team for session in both for team in teams[*key, session]})),
                    lots_by_session={session: min(bought[key][session], sold[key][session]) for session in both},
                )
            )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder:
    """An order as surveillance sees it."""

    id: str
    team_id: int
    instrument: str
    side: str
    lots: int
    filled_lots: int
    was_taken_back: bool
    placed_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoofPattern:
    """Large orders that a team took back unfilled on one side of an instrument. `usual_lots`: median of others'."""

    team_id: int
    instrument: str
    side: str
    usual_lots: float
    orders: tuple[PlacedOrder, ...]

    @property
    def evidence(self) -> dict[str, Any]:
        """Plain JSON values that show it."""
        return {
            "side": self.side,
            "usual_lots": self.usual_lots,
            "orders": [
                {
                    "id": each.id,
                    "lots": each.lots,
                    "placed_at": each.placed_at.isoformat(),
                    "taken_back_at": each.closed_at.isoformat() if each.closed_at else None,
                }
                for each in self.orders
            ],
            "times": len(self.orders),
            "times_from": SPOOF_TIMES,
        }


def spoof_patterns(orders: Sequence[PlacedOrder], *, call_minutes: int) -> list[SpoofPattern]:
    """Teams that placed large orders and took them back within a call, untraded, often enough to be looked at."""
    groups: defaultdict[tuple[int, str, str], list[PlacedOrder]] = defaultdict(list)
    for each in orders:
        # What could not be had at once ends in the moment it comes: nobody was shown it.
        was_brief = each.closed_at is not None and timedelta(0) < each.closed_at - each.placed_at < timedelta(
            minutes=call_minutes
        )
        if each.was_taken_back and was_brief and not each.filled_lots:
            groups[each.team_id, each.instrument, each.side].append(each)
    found = []
    for (team_id, instrument, side), taken_back in sorted(groups.items()):
        others = [each.lots for each in orders if each.instrument == instrument and each.team_id != team_id]
        if len(others) < LEAST_OTHERS:
            continue
        usual = median(others)
        large = tuple(each for each in taken_back if each.lots >= LARGE_FACTOR * usual)
        if len(large) >= SPOOF_TIMES:
            found.append(
                SpoofPattern(team_id=team_id, instrument=instrument, side=side, usual_lots=usual, orders=large)
            )
    return found
