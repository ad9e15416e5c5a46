"""What the market costs: sealed calls of 10,000 to 1,000,000 orders, and the continuous book beside those on PyPI.

A call is measured without need, with a feebate of 200 rates, with a Fund that is empty (both try whole percents from
100 down), and with a collar that rations all buyers. Baselines in the same run, on the same orders: a clearing that
sorts both sides and walks to where they cross, without need, sharing or collar, in numpy, and at 10,000 orders in
plain Python. Processor time of one thread, the least of some rounds. `make bench`, or

    .venv/bin/python benchmarks/market.py --quick
    .venv/bin/python benchmarks/market.py --shading          # what a trader gains who does not say the truth
    .venv/bin/python benchmarks/market.py --database 100000  # one call with as many fills, on PostgreSQL

The last starts a durable PostgreSQL of its own, or makes a database beside the one that DATABASE_URL names.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from _market_book import EVENTS, print_books  # noqa: E402
from _market_calls import Case, measure_calls  # noqa: E402
from _market_shading import measure_all  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402
from rich.table import Table  # noqa: E402

from tests.servers.commonwatt import environment, manage  # noqa: E402
from tests.servers.databases import fresh_database  # noqa: E402
from tests.servers.postgres import DURABLE, running_postgres  # noqa: E402

ORDERS = (10_000, 100_000, 1_000_000)
ROUNDS = {10_000: 20, 100_000: 7, 1_000_000: 4}
MOST_SECONDS = 0.5
MOST_SETTLEMENT_SECONDS = 5.0
SETTLEMENT = str(ROOT / "benchmarks/_market_settlement.py")
AIMED_AT = ("feebate", "empty Fund")


def main() -> int:
    """Measure and print; 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="up to 100,000 orders, a tenth of the events")
    parser.add_argument("--shading", action="store_true", help="only what a trader gains by not saying the truth")
    parser.add_argument("--database", type=int, metavar="FILLS", help="only one call that is settled on PostgreSQL")
    parser.add_argument("--teams", type=int, default=1000, help="with --database")
    asked = parser.parse_args()
    console = Console()
    if asked.shading:
        print_shading(console, quick=asked.quick)
        return 0
    if asked.database:
        return 0 if print_settlement(asked.database, asked.teams, console) else 1
    is_fast = print_calls(ORDERS[:2] if asked.quick else ORDERS, console)
    is_book_fast = print_books(EVENTS // 10 if asked.quick else EVENTS, console)
    return 0 if is_fast and is_book_fast else 1


def print_calls(sizes: Sequence[int], console: Console) -> bool:
    """Print the table of calls; whether the largest is as fast as it should be."""
    cases: list[Case] = []
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Calls", total=len(sizes))
        for orders in sizes:
            cases += measure_calls(orders, ROUNDS[orders])
            progress.advance(task)
    plain = {each.orders: each.seconds for each in cases if each.name == "plain numpy"}
    table = Table(title="Sealed calls, processor time of one thread", title_justify="left")
    for name in ("orders", "clearing", "s", "orders/s", "times plain numpy", "factor %", "lots"):
        table.add_column(name, justify="left" if name == "clearing" else "right")
    for each in cases:
        table.add_row(
            f"{each.orders:,}",
            each.name,
            f"{each.seconds:.4f}",
            f"{each.orders / each.seconds:,.0f}",
            f"{each.seconds / plain[each.orders]:.1f}",
            "" if each.cleared is None else str(each.cleared.factor_percent),
            "" if each.cleared is None else f"{each.cleared.volume_lots:,}",
        )
    console.print(table)
    return _judge(cases, console)


def _judge(cases: Sequence[Case], console: Console) -> bool:
    slowest = max((each.seconds for each in cases if each.orders == ORDERS[-1] and each.name in AIMED_AT), default=None)
    if slowest is None:
        return True
    word = "reached" if slowest < MOST_SECONDS else "NOT reached"
    console.print(f"Aim: 1,000,000 orders in {MOST_SECONDS} s: {slowest:.2f} s, {word}.", highlight=False)
    return slowest < MOST_SECONDS


def print_shading(console: Console, *, quick: bool) -> None:
    """Print what the best shade gains."""
    table = Table(title="One buyer bids below its worth, all others say the truth", title_justify="left")
    for name in (
        "traders a side",
        "price",
        "best shade %",
        "gain %",
        "standard error",
        "calls in which it loses %",
    ):
        table.add_column(name, justify="right")
    for each in measure_all(quick):
        table.add_row(
            str(each.traders),
            each.rule,
            f"{each.shade_percent:g}",
            f"{each.gain_percent:.3f}",
            f"{each.error_percent:.3f}",
            f"{each.lost_percent:.2f}",
        )
    console.print(table)


def print_settlement(fills: int, teams: int, console: Console) -> bool:
    """Print what one call with so many fills takes on PostgreSQL; whether that is as fast as it should be."""
    with tempfile.TemporaryDirectory(prefix="commonwatt_bench_") as folder, contextlib.ExitStack() as servers:
        if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
            os.environ["DATABASE_URL"] = servers.enter_context(running_postgres(options=DURABLE))
        url = servers.enter_context(fresh_database())
        env = environment(Path(folder), DATABASE_URL=url, LOG_LEVEL="WARNING")
        with console.status(f"filling a database with {fills:,} orders, then one call"):
            manage("migrate", "-v0", env=env, seconds=600).check_returncode()
            command = [sys.executable, SETTLEMENT, str(fills), str(teams)]
            done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    told = json.loads(done.stdout)
    table = Table(title=f"One call, {told['fills']:,} fills, {teams:,} teams, on PostgreSQL", title_justify="left")
    table.add_column("part of its transaction")
    table.add_column("seconds", justify="right")
    for part, seconds in {**told["seconds"], "all": told["wall_s"], "processor time": told["cpu_s"]}.items():
        table.add_row(part, f"{seconds:.2f}")
    console.print(table)
    console.print(f"{told['status']} at {told['price_ticks']} ticks; books that disagree: {len(told['differences'])}")
    word = "reached" if told["wall_s"] < MOST_SETTLEMENT_SECONDS else "NOT reached"
    console.print(f"Aim: {MOST_SETTLEMENT_SECONDS:g} s, {word}.", highlight=False)
    return not told["differences"] and bool(told["wall_s"] < MOST_SETTLEMENT_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
