"""What a plan costs: processor seconds of each stage, memory, and how many times as long HiGHS takes.

Generated instances (seeded) of 1,000 to 1,000,000 requests in 30 regions and 48 hours, tight and loose,
then of more regions and hours; each in a process of its own. HiGHS (by scipy) solves the green step of
the same instance for the same service in the same run: on the whole network (party > class > hub > cell,
before what we take out of it), and as a program without hubs (a variable for each class and cell; given
up after a minute). Its figure is the solver alone; ours is the network, the solver and the proof.
`make bench`, or

    .venv/bin/python benchmarks/allocation.py --quick
    .venv/bin/python benchmarks/allocation.py --plot docs/allocation-growth.svg
    .venv/bin/python benchmarks/allocation.py --database 1000000

The last starts a durable PostgreSQL of its own (or makes a database beside the one that DATABASE_URL
names), fills it with generated requests by COPY, and runs one whole pass: reading, planning, writing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402
from rich.table import Table  # noqa: E402

from tests.servers.commonwatt import environment, manage  # noqa: E402
from tests.servers.databases import fresh_database  # noqa: E402
from tests.servers.postgres import DURABLE, running_postgres  # noqa: E402

WORK = str(Path(__file__).with_name("_allocation_work.py"))
DATABASE = str(Path(__file__).with_name("_allocation_database.py"))
WIDTH_CHARACTERS = 120  # where the output is no terminal: a wrapped table is hard to read
STAGES = ("group", "fair", "green", "duals", "hand back", "first come")
REQUESTS = (1_000, 10_000, 100_000, 1_000_000)
REGIONS = (5, 10, 20, 30, 60)
HOURS = (12, 24, 48, 96, 168)
GROWTH_REQUESTS = 100_000
TIGHT, LOOSE = 1.15, 2.5
"""Room as a multiple of all that is asked. Work near crowded places runs short in either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Of one instance."""

    requests: int
    regions: int = 30
    hours: int = 48
    room: float = TIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Processor seconds of each stage, what the process held at most, and HiGHS (None: not asked)."""

    sizes: Sizes
    groups: int
    cpu_s: dict[str, float]
    peak_mib: float
    arcs: int
    full_share: float
    clean_used_share: float
    served_share: float
    placed_share: float
    highs_s: float | None
    highs_is_done: bool
    plain_s: float | None
    plain_is_done: bool

    @property
    def green_s(self) -> float:
        """The green step with the prices that prove it."""
        return self.cpu_s["green"] + self.cpu_s["duals"]


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="Up to 10,000 requests, no growth with regions and hours.")
    parser.add_argument("--plot", type=Path, help="Draw the growth into this file (.svg).")
    parser.add_argument("--database", type=int, metavar="REQUESTS", help="Only a whole pass on PostgreSQL.")
    given = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_CHARACTERS
    if given.database:
        print_pass(console, given.database)
        return
    measure_plans(console, given)


def measure_plans(console: Console, given: argparse.Namespace) -> None:
    """The stages without a database."""
    console.print(f"Generated instances; {os.cpu_count()} cores, each process uses one")
    by_requests = [Sizes(requests=count) for count in (REQUESTS[:2] if given.quick else REQUESTS)]
    first = measure_all(console, by_requests, with_highs=True)
    print_stages(console, first, name="tight")
    with_more_room = [replace(each, room=LOOSE) for each in by_requests]
    print_stages(console, measure_all(console, with_more_room, with_highs=True), name="loose")
    if given.quick:
        return
    by_regions = [Sizes(requests=GROWTH_REQUESTS, regions=count) for count in REGIONS]
    by_hours = [Sizes(requests=GROWTH_REQUESTS, hours=count) for count in HOURS]
    second = measure_all(console, by_regions, with_highs=False)
    third = measure_all(console, by_hours, with_highs=False)
    print_growth(console, second + third)
    if given.plot:
        from _allocation_plot import draw

        title = f"{GROWTH_REQUESTS:,} requests"
        draw(
            given.plot,
            requests=("30 regions, 48 hours", first),
            regions=(f"{title}, 48 hours", second),
            hours=(f"{title}, 30 regions", third),
        )


def measure_all(console: Console, sizes: Sequence[Sizes], *, with_highs: bool) -> list[Measured]:
    """One after the other; what is under way stands on the terminal."""
    done = []
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=len(sizes))
        for each in sizes:
            progress.update(task, description=f"{each.requests:,} requests, {each.regions} regions, {each.hours} hours")
            done.append(measure(each, with_highs=with_highs))
            progress.advance(task)
    return done


def measure(sizes: Sizes, *, with_highs: bool) -> Measured:
    """One instance. Raises RuntimeError if HiGHS finds another optimum."""
    with tempfile.TemporaryDirectory(prefix="commonwatt_bench_") as folder:
        service = Path(folder) / "service.npy"
        found = work("solve", sizes, service)
        other = work("highs", sizes, service) if with_highs else None
        plain = work("plain", sizes, service) if with_highs else None
    if other and other["is_done"] and abs(other["objective"] - found["objective"]) > 1e-9 * found["objective"]:
        raise RuntimeError(f"{sizes}: {found['objective']}, but HiGHS finds {other['objective']}")
    return Measured(
        sizes=sizes,
        groups=found["groups"],
        cpu_s=found["cpu_s"],
        peak_mib=found["peak_mib"],
        arcs=found["arcs"],
        full_share=found["full_share"],
        clean_used_share=found["clean_used_share"],
        served_share=found["served"] / found["asked"],
        placed_share=found["placed"] / found["served"],
        highs_s=other["cpu_s"]["HiGHS"] if other else None,
        highs_is_done=bool(other and other["is_done"]),
        plain_s=plain["cpu_s"]["HiGHS"] if plain else None,
        plain_is_done=bool(plain and plain["is_done"]),
    )


def work(mode: str, sizes: Sizes, service: Path) -> dict[str, Any]:
    """The answer of a process of its own: HiGHS and OR-tools must not share one (google/or-tools #5246)."""
    return run([WORK, mode, *map(str, (sizes.requests, sizes.regions, sizes.hours, sizes.room)), str(service)])


def print_stages(console: Console, rows: Sequence[Measured], *, name: str) -> None:
    """CPU seconds by stage, memory and HiGHS; an instance in each column."""
    room = f"room for {rows[0].sizes.room:g} times what is asked"
    table = Table(title=f"CPU seconds, {name}: {room}, 30 regions, 48 hours, 60 parties", title_justify="left")
    table.add_column("requests")
    for row in rows:
        table.add_column(f"{row.sizes.requests:,}", justify="right")
    table.add_row("groups", *(f"{row.groups:,}" for row in rows))
    table.add_row("arcs of the whole network", *(f"{row.arcs:,}" for row in rows))
    for stage in STAGES:
        table.add_row(stage, *(f"{row.cpu_s[stage]:.3f}" for row in rows))
    for name, seconds, is_done in (
        ("HiGHS, whole network", [row.highs_s or 0 for row in rows], [row.highs_is_done for row in rows]),
        ("HiGHS, class x cell", [row.plain_s or 0 for row in rows], [row.plain_is_done for row in rows]),
    ):
        more = ["" if done else "> " for done in is_done]  # it was given up
        table.add_row(name, *(f"{sign}{each:.3f}" for sign, each in zip(more, seconds, strict=True)))
        ratios = [each / row.green_s for each, row in zip(seconds, rows, strict=True)]
        table.add_row("  / (green + duals)", *(f"{sign}{each:.1f}" for sign, each in zip(more, ratios, strict=True)))
    table.add_row("peak memory, MiB", *(f"{row.peak_mib:.0f}" for row in rows))
    table.add_row("cells that are full", *(f"{row.full_share:.1%}" for row in rows))
    table.add_row("room used in the cleaner half", *(f"{row.clean_used_share:.1%}" for row in rows))
    table.add_row("served of what is asked", *(f"{row.served_share:.1%}" for row in rows))
    table.add_row("placed of what is served", *(f"{row.placed_share:.1%}" for row in rows))
    console.print(table)


def print_growth(console: Console, rows: Iterable[Measured]) -> None:
    """CPU seconds by regions and hours."""
    table = Table(title=f"CPU seconds, {GROWTH_REQUESTS:,} requests", title_justify="left")
    for name in ("regions", "hours", "groups", "fair", "green", "peak MiB"):
        table.add_column(name, justify="right")
    for row in rows:
        sizes = row.sizes
        seconds = (row.cpu_s["fair"], row.green_s)
        table.add_row(
            str(sizes.regions),
            str(sizes.hours),
            f"{row.groups:,}",
            *(f"{each:.3f}" for each in seconds),
            f"{row.peak_mib:.0f}",
        )
    console.print(table)


def print_pass(console: Console, requests: int) -> None:
    """One whole pass over so many requests that wait, on PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="commonwatt_bench_") as folder, contextlib.ExitStack() as servers:
        if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
            os.environ["DATABASE_URL"] = servers.enter_context(running_postgres(options=DURABLE))
        url = servers.enter_context(fresh_database())
        env = environment(Path(folder), DATABASE_URL=url, LOG_LEVEL="WARNING")
        with console.status(f"filling a database with {requests:,} requests, then one pass"):
            manage("migrate", "-v0", env=env).check_returncode()
            done = run([DATABASE, str(requests), "30"], env)
    table = Table(title=f"One pass over {done['considered']:,} requests, 30 regions", title_justify="left")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for stage, seconds in done["seconds"].items():
        table.add_row(stage, f"{seconds:.2f}")
    planned = sum(done["seconds"].values())
    table.add_row("read, plan, write", f"{planned:.2f}")
    table.add_row("then: take up what is due", f"{done['wall_s'] - planned:.2f}")
    table.add_row("whole pass", f"{done['wall_s']:.2f}")
    table.add_row("CPU of its process", f"{done['cpu_s']:.2f}")
    console.print(table)
    console.print(f"{done['solver']}; {done['granted']:,} placed, {done['waiting']:,} wait; {done['peak_mib']:.0f} MiB")


def run(arguments: Sequence[str], env: dict[str, str] | None = None) -> dict[str, Any]:
    """The answer of a process of its own."""
    done = subprocess.run([sys.executable, *arguments], env=env, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    main()
