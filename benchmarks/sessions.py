"""Sessions beside LangGraph's savers: the same states and the same changes in one run, one after the other.

On SQLite and on a PostgreSQL of its own, durable (`fsync` and `synchronous_commit` on); DATABASE_URL names another
server, on which databases are made and dropped. A state of 2, 20 and 200 KB, 300 checkpoints, each of which changes
0.48 KB: the time of a write, the bytes that each takes with its indexes, and how long it takes to read the newest
state, the state of half way, and a list of all. LangGraph keeps the state in one channel, or spread over twenty.

    python -m venv PEERS && PEERS/bin/pip install -r benchmarks/peers_sessions.txt      # optional: who is compared
    .venv/bin/python benchmarks/sessions.py --peers PEERS/bin/python
    .venv/bin/python benchmarks/sessions.py --quick                                     # us alone, 60 checkpoints
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import environ  # noqa: E402
from psycopg.conninfo import make_conninfo  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from tests.servers.commonwatt import environment, manage  # noqa: E402
from tests.servers.databases import fresh_database  # noqa: E402
from tests.servers.postgres import DURABLE, running_postgres  # noqa: E402

WIDTH_CHARACTERS = 120
SIZES_KB = (2.0, 20.0, 200.0)
STEPS, QUICK_STEPS = 300, 60
CHANNELS = (1, 20)
AGENT_CALLS = 60
AIM_MS, AIM_TIMES_BYTES, AIM_HANDOFF_S, AIM_TRACKING_PERCENT = 5.0, 40.0, 2.0, 10.0
MEASURES = ("write_p5", "write_p50", "write_p95", "bytes", "latest", "at", "list")
HEADS = ("write p5 ms", "p50 ms", "p95 ms", "bytes each", "latest ms", "at ms", "list ms")
Figures = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Side:
    """Who is measured, and how: by size in KB."""

    name: str
    measure: Callable[[float], Figures]
    env: dict[str, str] = field(default_factory=dict)


def main() -> int:
    """Measure and print; 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="PYTHON", help="A Python that has benchmarks/peers_sessions.txt installed.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_STEPS} checkpoints instead of {STEPS}.")
    parser.add_argument("--rounds", type=int, default=1, help="How often; the median of the rounds counts.")
    given = parser.parse_args()
    count = QUICK_STEPS if given.quick else STEPS
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_CHARACTERS
    if given.peers is None:
        console.print("Nobody to compare with: --peers PYTHON names one that has benchmarks/peers_sessions.txt.")
    reached = True
    with tempfile.TemporaryDirectory(prefix="commonwatt_bench_") as folder:
        for title, database in (("PostgreSQL, durable", on_postgres), ("SQLite, synchronous=FULL", on_sqlite)):
            with database(Path(folder), given.peers, count) as sides:
                measured = measure(sides, given.rounds)
                agents = run_agents(sides[0], AGENT_CALLS)
            console.print(as_table(f"{title}: {count} checkpoints", measured))
            reached &= judge(console, measured)
            reached &= judge_agents(console, agents)
    return 0 if reached else 1


@contextlib.contextmanager
def on_postgres(folder: Path, peers: str | None, count: int) -> Iterator[list[Side]]:
    """A fresh database for each on one server."""
    with contextlib.ExitStack() as servers:
        if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
            os.environ["DATABASE_URL"] = servers.enter_context(running_postgres(options=DURABLE))
        env = environment(folder / "postgres", DATABASE_URL=servers.enter_context(fresh_database()))
        sides = [our_side(env, count)]
        for channels in CHANNELS if peers else ():
            url = servers.enter_context(fresh_database())
            sides.append(peer_side(peers or "", "PostgresSaver", channels, count, connection_of(url)))
        yield sides


@contextlib.contextmanager
def on_sqlite(folder: Path, peers: str | None, count: int) -> Iterator[list[Side]]:
    """A file for each in one folder."""
    sides = [our_side(environment(folder / "sqlite"), count)]
    if peers:
        sides += [peer_side(peers, "SqliteSaver", 1, count, str(folder / "peer.sqlite3"))]
    yield sides


def our_side(env: dict[str, str], count: int) -> Side:
    """`services.log.patch_state` and the selectors, in a process of their own."""
    env = {**env, "LOG_LEVEL": "WARNING"}
    done = manage("migrate", "--verbosity", "0", env=env)
    if done.returncode:
        raise SystemExit(done.stderr)
    program = str(Path(__file__).with_name("_sessions_log.py"))
    return Side(
        name="Commonwatt",
        measure=lambda size_kb: run([sys.executable, program, str(size_kb), str(count)], env),
        env=env,
    )


def peer_side(python: str, saver: str, channels: int, count: int, database: str) -> Side:
    """A saver of LangGraph; each measurement has a thread of its own, in a process of its own."""
    program = str(Path(__file__).with_name("_sessions_peers.py"))
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return Side(
        name=f"{saver}, {channels} channel{'s' * (channels > 1)}",
        measure=lambda size_kb: run([python, program, str(size_kb), str(count), str(channels), database], env),
    )


def connection_of(url: str) -> str:
    """What libpq calls the database of a Django URL."""
    known = environ.Env.db_url_config(url)
    given = {"host": known["HOST"], "user": known["USER"], "password": known["PASSWORD"], "port": known["PORT"]}
    return make_conninfo(dbname=known["NAME"], **{name: value for name, value in given.items() if value})


def run(command: list[str], env: dict[str, str]) -> Figures:
    """One measurement. Raises SystemExit with what the process said, if it failed."""
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def measure(sides: list[Side], rounds: int) -> dict[str, dict[float, Figures]]:
    """The median of the rounds of every side and size; sides take turns."""
    found: dict[str, dict[float, list[Figures]]] = {side.name: {size: [] for size in SIZES_KB} for side in sides}
    for size in SIZES_KB:
        for _ in range(rounds):
            for side in sides:
                found[side.name][size].append(side.measure(size))
    return {
        name: {
            size: {each: statistics.median(figures[each] for figures in those) for each in MEASURES}
            for size, those in sizes.items()
        }
        for name, sizes in found.items()
    }


def as_table(title: str, measured: dict[str, dict[float, Figures]]) -> Table:
    """One line for each size and side."""
    table = Table(title=title)
    for name in ("state KB", "store", *HEADS):
        table.add_column(name, justify="left" if name == "store" else "right")
    for size in SIZES_KB:
        for name, sizes in measured.items():
            figures = sizes[size]
            cells = (f"{figures[each]:,.0f}" if each == "bytes" else f"{figures[each]:.2f}" for each in MEASURES)
            table.add_row(f"{size:g}", name, *cells, end_section=name == list(measured)[-1])
    return table


def judge(console: Console, measured: dict[str, dict[float, Figures]]) -> bool:
    """Say which aims are missed."""
    ours, peers = next(iter(measured.values())), [sizes for name, sizes in measured.items() if name != "Commonwatt"]
    timed = [("latest", 200.0), ("at", 200.0), *(("list", size) for size in SIZES_KB)]
    missed = [
        f"{each} at {size:g} KB: {ours[size][each]:.1f} ms, aim {AIM_MS:g}"
        for each, size in timed
        if ours[size][each] > AIM_MS
    ]
    if peers:
        missed += _missed_beside(console, ours, peers[0], list(measured)[1])
    console.print("All aims reached." if not missed else "NOT reached: " + "; ".join(missed) + ".", highlight=False)
    return not missed


def _missed_beside(
    console: Console, ours: dict[float, Figures], peer: dict[float, Figures], name: str
) -> Iterator[str]:
    """Aims beside a saver that keeps the whole state in one channel."""
    for size in SIZES_KB:
        for each in ("write_p50", "latest", "at") if size < 200 else ("write_p50",):
            if ours[size][each] > peer[size][each]:
                yield f"{each} at {size:g} KB: {ours[size][each]:.2f} ms, {name} {peer[size][each]:.2f}"
    times = peer[200.0]["bytes"] / ours[200.0]["bytes"]
    console.print(f"Bytes each at 200 KB: {times:.0f} times fewer than {name}.", highlight=False)
    if times < AIM_TIMES_BYTES:
        yield f"bytes at 200 KB: {times:.1f} times fewer, aim {AIM_TIMES_BYTES:g}"


def run_agents(ours: Side, calls: int) -> Figures:
    """What a report of a call and a handoff of eight agents take."""
    return run([sys.executable, str(Path(__file__).with_name("_sessions_agents.py")), str(calls)], ours.env)


def judge_agents(console: Console, told: Figures) -> bool:
    """Print what agents pay; whether both aims are reached."""
    whole = told["plain_mean"] + told["upstream"]
    share = 100 * (told["tracked_mean"] - told["plain_mean"]) / whole
    console.print(
        f"A hold and its settlement take {told['plain']:.1f} ms (mean {told['plain_mean']:.1f}), tracked "
        f"{told['tracked']:.1f} (mean {told['tracked_mean']:.1f}, checkpoints included), a report alone "
        f"{told['reported']:.1f}. Of a call to a local upstream that answers after {told['upstream']:.0f} ms, "
        f"tracking adds {share:.1f} %, aim below {AIM_TRACKING_PERCENT:g}. A coordinated handoff of 8 agents "
        f"with windows of 200,000 tokens that are {told['full_percent']:.0f} % full takes {told['handoff']:.2f} s, "
        f"aim below {AIM_HANDOFF_S:g}.",
        highlight=False,
    )
    return share < AIM_TRACKING_PERCENT and told["handoff"] < AIM_HANDOFF_S


if __name__ == "__main__":
    raise SystemExit(main())
