"""The continuous book against order books on PyPI: the same orders and cancels for all, one after the other.

    python -m pip install -r benchmarks/peers.txt rich       # optional, in an environment of its own
    python benchmarks/_market_book.py

A seeded flow around a price that wanders: half of the events are limit orders that mostly rest, a fifth reach over
the spread, the others cancel one of the last thousand orders; and the same flow without its cancels. Each book runs
in a process of its own. All must trade the same lots, or they are not compared. Counted is processor time in each
package's own calls, with the objects it wants to be given; the better of two rounds.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import multiprocessing
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from market.domain.trading.book import Book  # noqa: E402
from market.domain.trading.matching import BUY, LIMIT, SELL  # noqa: E402

SEED = 11
LOW, MIDDLE, HIGH = 500, 1000, 1500
LEAST_TIMES_PURE = 4.0
ROUNDS = 2
PATIENCE_S = 30
EVENTS = 200_000
Event = tuple[int, str, int, int]
"""Number of the order, side, lots, ticks; lots 0: that order is cancelled."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A package on PyPI. `start` makes a book ready for events and gives what runs them and counts lots traded."""

    package: str
    made_of: str
    start: Callable[[Sequence[Event]], Callable[[], int]]


@dataclass(frozen=True, slots=True)
class Speed:
    """Events a second in both flows; None: it did not end in half a minute. `lots`: what it traded in each."""

    package: str
    version: str
    made_of: str
    with_cancels: float | None
    orders_only: float | None
    lots: tuple[int, int]


def make_events(count: int, seed: int = SEED) -> list[Event]:
    """Orders and cancels; the same for the same seed."""
    chance, middle, events, placed = random.Random(seed), float(MIDDLE), [], 0
    for _ in range(count):
        middle = min(max(middle + chance.gauss(0, 0.4), MIDDLE - 300), MIDDLE + 300)
        drawn = chance.random()
        if drawn < 0.3 and placed:
            events.append((max(0, placed - 1 - chance.randrange(1000)), BUY, 0, 0))
            continue
        side = BUY if chance.random() < 0.5 else SELL
        away = int(chance.expovariate(1 / 12)) + 1
        sign = -1 if (side == BUY) == (drawn < 0.8) else 1  # below 0.8: on its own side of the price
        events.append((placed, side, chance.randint(1, 100), round(middle) + sign * away))
        placed += 1
    return events


def compare_books(count: int) -> tuple[list[Speed], list[str]]:
    """Ours first, then each installed peer; and the packages that are not installed."""
    installed = [peer for peer in PEERS if _version(peer) is not None]
    return [_speed(peer, count) for peer in (OURS, *installed)], [p.package for p in PEERS if p not in installed]


def _version(peer: Peer) -> str | None:
    try:
        return importlib.metadata.version(peer.package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _speed(peer: Peer, count: int) -> Speed:
    mixed, plain = (_apart(peer, count, with_cancels) for with_cancels in (True, False))
    lots = (mixed[1], plain[1])
    return Speed(peer.package, _version(peer) or "", peer.made_of, mixed[0] or None, plain[0] or None, lots)


def _apart(peer: Peer, count: int, with_cancels: bool) -> tuple[float, int]:
    """Measure in a process that can be given up: one of the peers does not come back from some orders."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        try:
            return pool.apply_async(_measure, (peer.package, count, with_cancels)).get(PATIENCE_S)
        except multiprocessing.TimeoutError:
            return 0.0, 0


def _measure(package: str, count: int, with_cancels: bool) -> tuple[float, int]:
    peer = next(each for each in (OURS, *PEERS) if each.package == package)
    events = [each for each in make_events(count) if with_cancels or each[2]]
    best, lots = 0.0, 0
    for _ in range(ROUNDS):
        run = peer.start(events)
        began = time.process_time()
        lots = run()
        best = max(best, len(events) / (time.process_time() - began))
    return best, lots


def _ours(events: Sequence[Event]) -> Callable[[], int]:
    book = Book(LOW, HIGH)

    def run() -> int:
        traded = 0
        for number, side, lots, ticks in events:
            if lots:
                for fill in book.place(number, side, lots, ticks, LIMIT, number):
                    traded += fill.lots
            else:
                book.cancel(number)
        return traded

    return run


def _nanobook(events: Sequence[Event]) -> Callable[[], int]:
    book, ids = importlib.import_module("nanobook").Exchange(), {}

    def run() -> int:
        traded = 0
        for number, side, lots, ticks in events:
            if lots:
                result = book.submit_limit(side, ticks, lots)
                ids[number] = result.order_id
                traded += result.filled_quantity
            else:
                book.cancel(ids[number])
        return traded

    return run


def _litebook(events: Sequence[Event]) -> Callable[[], int]:
    api = importlib.import_module("litebook")
    book, ids, sides = api.OrderBook(tick_size=1.0), {}, {BUY: api.OrderType.Buy, SELL: api.OrderType.Sell}

    def run() -> int:
        traded = 0.0
        for number, side, lots, ticks in events:
            if lots:
                order = book.create_order(sides[side], float(ticks), float(lots))
                ids[number] = order.id
                for fill in book.add(order):
                    traded += fill.quantity
            else:
                book.cancel(ids[number])
        return round(traded)

    return run


def _akhil4n(module: str) -> Callable[[Sequence[Event]], Callable[[], int]]:
    def start(events: Sequence[Event]) -> Callable[[], int]:
        api = importlib.import_module(module)
        book, ids = api.OrderBook(), {}
        prices = {ticks: Decimal(ticks) for ticks in range(LOW, HIGH + 1)}  # as documented: prices are decimals
        sides = {BUY: api.OrderSide.BID, SELL: api.OrderSide.ASK}

        def run() -> int:
            for number, side, lots, ticks in events:
                if lots:
                    order = api.Order(side=sides[side], price=prices[ticks], original_quantity=lots)
                    ids[number] = order.order_id
                    book.add_limit_order(order)
                else:
                    book.cancel_order(ids[number])
            return sum(each.quantity_filled for each in book.trade_log)

        return run

    return start


def _pyorderbook(events: Sequence[Event]) -> Callable[[], int]:
    api = importlib.import_module("pyorderbook")
    book, orders, make = api.Book(), {}, {BUY: api.bid, SELL: api.ask}

    def run() -> int:
        traded = 0
        for number, side, lots, ticks in events:
            if lots:
                orders[number] = order = make[side]("X", ticks, lots)
                book.match(order)
                traded += lots - order.quantity
            elif book.get_order(orders[number].id) is not None:
                book.cancel(orders[number])
        return traded

    return run


def _convexpi(events: Sequence[Event]) -> Callable[[], int]:
    api = importlib.import_module("convexpi.arena.engine")
    book, orders, sides = api.OrderBook(), {}, {BUY: api.Side.BUY, SELL: api.Side.SELL}

    def run() -> int:
        traded = 0
        for number, side, lots, ticks in events:
            if lots:
                orders[number] = order = api.Order(agent_id="a", side=sides[side], qty=lots, price=ticks)
                for trade in book.submit(order, 0):
                    traded += trade.qty
            else:
                book.cancel(orders[number].order_id, "a")
        return traded

    return run


OURS = Peer("commonwatt", "Python", _ours)
PEERS: tuple[Peer, ...] = (
    Peer("nanobook", "Rust", _nanobook),
    Peer("litebook", "Rust", _litebook),
    Peer("cython-orderbook", "Cython", _akhil4n("cython_orderbook.orderbook")),
    Peer("akhil4n-orderbook", "Python", _akhil4n("orderbook")),
    Peer("convexpi-arena", "Python", _convexpi),
    Peer("pyorderbook", "Python", _pyorderbook),
)


def print_books(count: int, console: Console) -> bool:
    """Compare and print; whether the aim is reached, as far as peers are installed."""
    speeds, missing = compare_books(count)
    table = Table(title=f"Continuous book, {count:,} events")
    for name in ("book", "made of", "orders and cancels /s", "ours is times", "orders only /s", "ours is times"):
        table.add_column(name, justify="left" if name in ("book", "made of") else "right")
    for each in speeds:
        table.add_row(f"{each.package} {each.version}".strip(), each.made_of, *_cells(each, speeds[0]))
    console.print(table)
    if missing:
        console.print(f"Not installed, not compared: {', '.join(missing)} (benchmarks/peers.txt).", highlight=False)
    return _judge(speeds, console)


def _cells(each: Speed, ours: Speed) -> Iterator[str]:
    mine = (ours.with_cancels, ours.orders_only)
    for index, rate in enumerate((each.with_cancels, each.orders_only)):
        if rate is None:
            yield from (f"not in {PATIENCE_S} s", "")
        elif each.lots[index] != ours.lots[index]:
            yield from ("trades otherwise", "")
        else:
            yield from (f"{rate:,.0f}", f"{(mine[index] or 0) / rate:.1f}")


def _judge(speeds: Sequence[Speed], console: Console) -> bool:
    ours, others = speeds[0].with_cancels or 0.0, speeds[1:]
    pure = [each.with_cancels for each in others if each.made_of == "Python" and each.with_cancels]
    if not pure:
        console.print("Nothing to compare with.")
        return True
    times = ours / max(pure)
    word = "reached" if times >= LEAST_TIMES_PURE else "NOT reached"
    console.print(f"Aim: {LEAST_TIMES_PURE:g} times the fastest Python book: {times:.1f}, {word}.", highlight=False)
    return times >= LEAST_TIMES_PURE


def main() -> int:
    """Print the comparison; 1 if the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=EVENTS)
    return 0 if print_books(parser.parse_args().events, Console()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
