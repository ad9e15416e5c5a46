"""The one price of a call: most volume, then least imbalance, then nearest to the reference, then lower."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Curve = Callable[[int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price in ticks, with the lots wanted and offered at it."""

    ticks: int
    wanted: int
    offered: int

    @property
    def volume(self) -> int:
        """Lots that change hands."""
        return min(self.wanted, self.offered)


def choose_price(wanted: Curve, offered: Curve, *, low: int, high: int, reference: int) -> Price:
    """The best price in `low..high`. `wanted` never rises with the price and `offered` never falls.

    Up to the last price at which as much is wanted as offered, volume rises and imbalance falls; above
    it, both get worse. So one of its two sides is best, and so are its neighbours with the same lots.
    """
    turn = _last(lambda ticks: wanted(ticks) >= offered(ticks), low - 1, high)
    sides = []
    if turn >= low:
        sides.append((_last_down(wanted, offered, turn, low), turn))
    if turn < high:
        sides.append((turn + 1, _last_up(wanted, offered, turn + 1, high)))
    found = []
    for first, last in sides:
        ticks = min(max(reference, first), last)
        found.append(Price(ticks=ticks, wanted=wanted(ticks), offered=offered(ticks)))
    return min(
        found,
        key=lambda each: (
            -each.volume,
            abs(each.wanted - each.offered),
            abs(each.ticks - reference),
            each.ticks,
        ),
    )


def _last(holds: Callable[[int], bool], known: int, last: int) -> int:
    """The last number up to `last` for which it holds; `known` is taken to hold, and none holds after one does not."""
    while known < last:
        middle = (known + last + 1) // 2
        if holds(middle):
            known = middle
        else:
            last = middle - 1
    return known


def _last_up(wanted: Curve, offered: Curve, start: int, high: int) -> int:
    """The highest price with the lots of `start`."""
    lots = (wanted(start), offered(start))
    return _last(lambda ticks: (wanted(ticks), offered(ticks)) == lots, start, high)


def _last_down(wanted: Curve, offered: Curve, start: int, low: int) -> int:
    """The lowest price with the lots of `start`."""
    lots = (wanted(start), offered(start))
    return -_last(lambda ticks: (wanted(-ticks), offered(-ticks)) == lots, -start, -low)
