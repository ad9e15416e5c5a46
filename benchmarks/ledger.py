"""Whether the ledger answers as fast at ten million entries as a plain read by primary key does.

Everything is measured in one run on one database: a temporary SQLite, or a test database of its
own beside the one that DATABASE_URL names, dropped at the end.

    .venv/bin/python benchmarks/ledger.py --rows 1000000
    .venv/bin/python -m tests.servers -- .venv/bin/python benchmarks/ledger.py --rows 10000000
"""

from __future__ import annotations

import argparse
import atexit
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from uuid import UUID

# Nothing of the person's own deployment is read or written: no `.env`, no `var/`, no broker.
folder = tempfile.mkdtemp(prefix="commonwatt_bench_")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ |= {"COMMONWATT_DATA_DIR": folder, "COMMONWATT_ENV_FILE": os.devnull, "COMMONWATT_ENV": "local"}
os.environ |= {"LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "config.settings"}
os.environ.pop("REDIS_URL", None)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django  # noqa: E402

django.setup()

from django.db import connection, transaction  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from accounts.models import Organisation, Team  # noqa: E402
from budgets.models import Budget  # noqa: E402
from budgets.selectors.exports import list_export_rows  # noqa: E402
from budgets.selectors.ledger import LedgerFilters, LedgerPage, LedgerPlace, get_ledger_page  # noqa: E402

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(milliseconds=250)
BUDGETS = 100
TIMES = 25
CHUNK = 1_000_000
EXPORTED = 200_000
BASELINE = "plain SQL: one entry by primary key"
Work = Callable[[], object]

ROWS = """
INSERT INTO budgets_ledgerentry (budget_id, hold_id, kind, limit_delta, spent_delta, reserved_delta,
    overdraft_delta, tradeable_delta, at, actor, reason)
SELECT {budget}, {hold},
    CASE WHEN n % 100003 = 0 THEN 'adjust' WHEN n % 2 = 0 THEN 'hold' ELSE 'settle' END, 0,
    CASE WHEN n % 500009 = 0 THEN 1000000 ELSE (n % 2) * (n % 1000) END, 100, 0, 0, {at},
    CASE WHEN n % 1000003 = 0 THEN 'person ada' ELSE 'key cw_' || (n % 7) END, 'request:' || n / 4
FROM {numbers}
"""
HOLDS = """
INSERT INTO budgets_hold (id, budget_id, status, gear, fence, reference, actor, tokens, carbon_ug, micro_usd,
    created_at, lease_expires_at, resolved_at, is_unverified)
SELECT {id}, {budget}, 'settled', 'direct', 2, 'request:' || n, 'key cw_1', 100, 0, 0, {at}, {at}, {at}, {false}
FROM {numbers}
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="Entries in the ledger.")
    rows = parser.parse_args().rows
    console = Console()
    if not console.is_terminal:
        console.width = 110
    with temporary_database():
        budgets = make_budgets()
        started = time.perf_counter()
        fill(budgets, rows)
        console.print(f"{connection.vendor}: {rows:,} entries filled in {time.perf_counter() - started:,.0f} s")
        console.print(as_table({name: measure(work) for name, work in prepare(budgets, rows).items()}))
        console.print(f"export: {rows_exported_per_second(budgets[0]):,.0f} entries a second")


@contextmanager
def temporary_database() -> Iterator[None]:
    """A fresh database of the configured kind; the configured one itself is not touched."""
    named = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(named, verbosity=0)


def make_budgets() -> list[UUID]:
    """Budgets of one team. The first is the hot one: it has six of ten entries."""
    organisation = Organisation.objects.create(name="Bench", country_code="DE", type="ngo")
    team = Team.objects.create(organisation=organisation, name="Bench")
    values = {"organisation": organisation, "team": team, "unit": "tokens", "limit": 10**15, "created_at": START}
    rows = [Budget(pk=UUID(int=n), name=f"b{n}", period_starts_at=START, **values) for n in range(BUDGETS)]
    return [row.pk for row in Budget.objects.bulk_create(rows)]


def fill(budgets: list[UUID], rows: int) -> None:
    """Write the entries with indexes taken off, as a restored dump does, and put these back."""
    on_sqlite = connection.vendor == "sqlite"
    number = "printf('%032x', {})" if on_sqlite else "lpad(to_hex({}), 32, '0')::uuid"
    seconds = STEP.total_seconds()
    terms = {
        "hold": number.format("n / 4"),
        "id": number.format("n"),
        "budget": number.format(f"CASE WHEN n % 10 < 6 THEN 0 ELSE 1 + (n / 10) % {len(budgets) - 1} END"),
        "at": f"strftime('%Y-%m-%d %H:%M:%f', '{START:%Y-%m-%d}', '+' || (n * {seconds}) || ' seconds')"
        if on_sqlite
        else f"timestamptz '{START.isoformat()}' + n * interval '{seconds} seconds'",
        "false": "0" if on_sqlite else "false",
    }
    if on_sqlite:
        counted = "WITH RECURSIVE c(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM c WHERE n < {last})"
        terms["numbers"] = f"({counted} SELECT n FROM c)"
    else:
        terms["numbers"] = "generate_series({first}::bigint, {last}) AS n"
    with connection.cursor() as cursor:
        with unindexed(cursor, "budgets_ledgerentry"), unindexed(cursor, "budgets_hold"):
            for statement, count in ((HOLDS, rows // 4 + 1), (ROWS, rows)):
                for first in range(0, count, CHUNK):
                    last = min(first + CHUNK, count) - 1
                    in_chunk = terms | {"numbers": terms["numbers"].format(first=first, last=last)}
                    write(cursor, statement.format(**in_chunk))
        cursor.execute("ANALYZE" if on_sqlite else "VACUUM ANALYZE budgets_ledgerentry, budgets_hold")
        if on_sqlite:  # a deployment never runs ANALYZE: it must do without
            cursor.execute("DELETE FROM sqlite_stat1")


def write(cursor: object, statement: str) -> None:
    """One statement in a transaction of its own; rows that refer to each other are not looked up."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")  # type: ignore[attr-defined]
        cursor.execute(statement)  # type: ignore[attr-defined]


@contextmanager
def unindexed(cursor: object, table: str) -> Iterator[None]:
    """Without the table's indexes while it is filled."""
    if connection.vendor == "sqlite":
        question = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql <> '' AND tbl_name = %s"
    else:
        question = (
            "SELECT i.indexname, i.indexdef FROM pg_indexes i WHERE i.tablename = %s AND NOT EXISTS "
            "(SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)"
        )
    cursor.execute(question, [table])  # type: ignore[attr-defined]
    found = cursor.fetchall()  # type: ignore[attr-defined]
    for name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')  # type: ignore[attr-defined]
    yield
    for _, definition in found:
        cursor.execute(definition)  # type: ignore[attr-defined]


def prepare(budgets: list[UUID], rows: int) -> dict[str, Work]:
    """The kinds of reading by name."""
    hot, team = [budgets[0]], budgets[:40]

    def page(of: list[UUID], back: float = 0.0, **filters: object) -> Callable[[], LedgerPage]:
        after = LedgerPlace(START + STEP * int(rows * (1 - back)), 2**62) if back else None
        asked = LedgerFilters(**filters)  # type: ignore[arg-type]
        return lambda: get_ledger_page(of, filters=asked, after=after)

    at = START + STEP * (rows // 3)
    return {
        BASELINE: by_primary_key(rows, 1),
        "plain SQL: 100 entries by primary key": by_primary_key(rows, 100),
        "first page": page(hot),
        "a page half way back": page(hot, 0.5),
        "a page at the far end": page(hot, 0.999),
        "since and until, a third in": page(hot, since=at, until=at + timedelta(hours=1)),
        "until, a third in": page(hot, until=at),
        "kind settle": page(hot, kind="settle"),
        "kind adjust, one in 100,003": page(hot, kind="adjust"),
        "hold": page(hot, hold_id=UUID(int=rows // 8)),
        "reference": page(hot, reference=f"request:{rows // 8}"),
        "actor of a seventh": page(hot, actor="key cw_1"),
        "actor of one in a million (short page)": page(hot, actor="person ada"),
        "least amount of one in 500,009 (short page)": page(hot, least_amount=Decimal(1_000_000)),
        "40 budgets, first page": page(team),
        "40 budgets, half way back": page(team, 0.5),
        "40 budgets, kind adjust": page(team, kind="adjust"),
        "40 budgets, actor of a seventh": page(team, actor="key cw_1"),
    }


def by_primary_key(rows: int, count: int) -> Work:
    """Plain SQL, somewhere else each time."""
    place = iter(range(1, 10**9))

    def read() -> object:
        first = next(place) * 7_368_787 % (rows - count) + 1
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM budgets_ledgerentry WHERE id >= %s AND id < %s", [first, first + count])
            return cursor.fetchall()

    return read


def measure(work: Work) -> list[float]:
    """Seconds of each time, after one to warm up."""
    work()
    taken = []
    for _ in range(TIMES):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return taken


def rows_exported_per_second(budget_id: UUID) -> float:
    """How fast the pages of an export are read."""
    started = time.perf_counter()
    count = sum(1 for _ in islice(list_export_rows([budget_id]), EXPORTED))
    return count / (time.perf_counter() - started)


def as_table(measured: dict[str, list[float]]) -> Table:
    """Medians, and their ratio to the plain read."""
    table = Table("reading", "median ms", "slowest ms", "times the plain read")
    plain = statistics.median(measured[BASELINE])
    for name, taken in measured.items():
        middle = statistics.median(taken)
        table.add_row(name, f"{middle * 1000:.2f}", f"{max(taken) * 1000:.2f}", f"{middle / plain:.1f}")
    return table


if __name__ == "__main__":
    main()
