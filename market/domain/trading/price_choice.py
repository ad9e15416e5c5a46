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


def choose_price(
    wanted: Curve, offered: Curve, *, low: int, high: int, reference: int, guess: int | None = None
) -> Price:
    """The best price in `low..high`. `wanted` never rises with the price and `offered` never falls.

    Up to the last price at which as much is wanted as offered, volume rises and imbalance falls; above
    it, both get worse. So one of its two sides is best, and so are its neighbours with the same lots.
    A good `guess` saves steps and changes nothing.
    """
    start = reference if guess is None else guess
    turn = last_that(lambda ticks: wanted(ticks) >= offered(ticks), low - 1, high, guess=start)
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


def last_that(holds: Callable[[int], bool], low: int, high: int, *, guess: int) -> int:
    """The last number of `low..high` for which it holds: for `low` unasked, and never again after it did not.

    Looks around the guess in growing steps, then between the last two.
    """
    step, probe, held, failed = 1, min(max(guess, low + 1), high), False, False
    while low < high:
        if holds(probe):
            low, held = probe, True
        else:
            high, failed = probe - 1, True
        if held and failed:
            probe = (low + high + 1) // 2
        else:
            probe = min(low + step, high) if held else max(high - step, low + 1)
        step *= 2
    return low


def _last_up(wanted: Curve, offered: Curve, start: int, high: int) -> int:
    """The highest price with the lots of `start`."""
    lots = (wanted(start), offered(start))
    return last_that(lambda ticks: (wanted(ticks), offered(ticks)) == lots, start, high, guess=start)


def _last_down(wanted: Curve, offered: Curve, start: int, low: int) -> int:
    """The lowest price with the lots of `start`."""
    lots = (wanted(start), offered(start))
    return -last_that(lambda ticks: (wanted(-ticks), offered(-ticks)) == lots, -start, -low, guess=-start)
