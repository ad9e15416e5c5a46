"""How much of a plain database's speed is left once a request is budgeted, placed and explained.

Everything is measured in one run on one database: a temporary SQLite, or a test database of its
own beside the one that DATABASE_URL names, dropped at the end. `make bench`, or

    .venv/bin/python benchmarks/admission.py --times 400
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
from pathlib import Path
from uuid import UUID, uuid4

# Nothing of the person's own deployment is read or written: no `.env`, no `var/`, no broker.
folder = tempfile.mkdtemp(prefix="commonwatt_bench_")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ |= {"COMMONWATT_DATA_DIR": folder, "COMMONWATT_ENV_FILE": os.devnull, "COMMONWATT_ENV": "local"}
os.environ |= {"LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "config.settings"}
os.environ.pop("REDIS_URL", None)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django  # noqa: E402

django.setup()

from django.db import connection  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import track  # noqa: E402
from rich.table import Table  # noqa: E402

from accounts.domain.scopes import ALL_SCOPES  # noqa: E402
from accounts.selectors import find_team_id, get_principal_of_team  # noqa: E402
from budgets.domain.periods import Period  # noqa: E402
from budgets.domain.units import Amounts, Unit  # noqa: E402
from budgets.models import Budget, LedgerEntry  # noqa: E402
from budgets.services import create_budget, place_hold  # noqa: E402
from config.server import first_run  # noqa: E402
from config.server.reference import load_reference  # noqa: E402
from market.domain.asks import Ask  # noqa: E402
from market.services import submit  # noqa: E402

ROUNDS = 10
WIDTH_CHARACTERS = 110  # where the output is no terminal: a wrapped table is hard to read
WARM_UP = 20
TOKENS = 10  # of each piece of work; small, so that neither a budget nor a region fills up
BASELINE = "plain SQL: conditional UPDATE, ledger INSERT, COMMIT"
Work = Callable[[], object]


class Timings:
    """Seconds that one kind of work took, round by round."""

    def __init__(self, work: Work):
        self.work = work
        self.seconds: list[float] = []

    def run(self, times: int) -> None:
        """One round."""
        started = time.perf_counter()
        for _ in range(times):
            self.work()
        self.seconds.append((time.perf_counter() - started) / times)

    @property
    def per_second(self) -> float:
        """Pieces of work a second in the middle round: a round that something else disturbed does not count."""
        return 1 / statistics.median(self.seconds)

    def ratios_to(self, baseline: Timings) -> list[float]:
        """How many times the baseline one piece of work took, in each round."""
        return [own / plain for own, plain in zip(self.seconds, baseline.seconds, strict=True)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=400, help="Pieces of work of each kind (rounded to rounds of 10).")
    per_round = max(1, parser.parse_args().times // ROUNDS)
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_CHARACTERS
    with temporary_database():
        measured = {name: Timings(work) for name, work in prepare().items()}
        for timings in measured.values():
            for _ in range(WARM_UP):
                timings.work()
        for _ in track(range(ROUNDS), description=f"{ROUNDS} rounds of {per_round}", console=console):
            # Taken in turns, so that what else the machine does hurts all of them alike.
            for timings in measured.values():
                timings.run(per_round)
        console.print(as_table(measured, per_round))


@contextmanager
def temporary_database() -> Iterator[None]:
    """A fresh database of the configured kind; the configured one itself is not touched."""
    named = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(named, verbosity=0)


def prepare() -> dict[str, Work]:
    """A deployment as its first run leaves it, and the kinds of work by name."""
    now = datetime.now(UTC)
    load_reference(now=now)
    first_run.create_demo(now=now)
    team_id = find_team_id(organisation_name=first_run.ORGANISATION, team_name=first_run.TEAM) or 0
    principal = get_principal_of_team(team_id=team_id, actor="benchmark", scopes=ALL_SCOPES)
    organisation_id = principal.organisation_id or 0

    def budget(parent_id: UUID | None = None) -> UUID:
        return create_budget(
            name="benchmark",
            organisation_id=organisation_id,
            team_id=team_id,
            parent_id=parent_id,
            unit=Unit.TOKENS,
            limit=Decimal(10**12),
            period=Period.MONTH,
            actor="benchmark",
            now=now,
        )

    alone = budget()
    leaf_of_three = budget(budget(budget()))
    ask = Ask(purpose="climate_adaptation", origin="BD", model_class="L", tokens=TOKENS, budget_id=budget())
    return {
        BASELINE: plain_sql(budget()),
        "place_hold, one budget": lambda: hold(alone),
        "place_hold, a path of three budgets": lambda: hold(leaf_of_three),
        "submit, one budget": lambda: submit(ask=ask, principal=principal, now=datetime.now(UTC)),
    }


def hold(budget_id: UUID) -> None:
    """Reserve on a budget and its ancestors."""
    now = datetime.now(UTC)
    place_hold(
        budget_id=budget_id,
        amounts=Amounts(tokens=TOKENS, carbon_ug=TOKENS, micro_usd=TOKENS),
        reference=f"benchmark:{uuid4()}",
        lease_expires_at=now + timedelta(hours=1),
        actor="benchmark",
        now=now,
    )


def plain_sql(budget_id: UUID) -> Work:
    """The least that never overspends and leaves a trace, on the same tables with the same constraints."""
    begin = "BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN"
    pk = Budget._meta.pk.get_db_prep_value(budget_id, connection)
    update = (
        f"UPDATE {Budget._meta.db_table} SET reserved = reserved + %s"
        ' WHERE id = %s AND "limit" >= spent + reserved + %s'
    )
    insert = (
        f"INSERT INTO {LedgerEntry._meta.db_table} (budget_id, kind, limit_delta, spent_delta, reserved_delta,"
        " overdraft_delta, at, actor, reason) VALUES (%s, 'hold', 0, 0, %s, 0, %s, 'benchmark', '')"
    )

    def work() -> None:
        at = connection.ops.adapt_datetimefield_value(datetime.now(UTC))
        with connection.cursor() as cursor:
            cursor.execute(begin)
            cursor.execute(update, [TOKENS, pk, TOKENS])
            if cursor.rowcount != 1:
                raise RuntimeError("The benchmark's budget is exhausted.")
            cursor.execute(insert, [pk, TOKENS, at])
            cursor.execute("COMMIT")

    return work


def as_table(measured: dict[str, Timings], per_round: int) -> Table:
    """Rates and ratios; the spread is that of the rounds."""
    table = Table(
        title=f"Admission on {connection.vendor}, one thread, {ROUNDS} rounds of {per_round}", title_justify="left"
    )
    for name in ("work", "per second", "times the baseline", "over the rounds"):
        table.add_column(name, justify="left" if name == "work" else "right")
    for name, timings in measured.items():
        ratios = timings.ratios_to(measured[BASELINE])
        ratio = measured[BASELINE].per_second / timings.per_second
        table.add_row(name, f"{timings.per_second:,.0f}", f"{ratio:.1f}", f"{min(ratios):.1f} to {max(ratios):.1f}")
    return table


if __name__ == "__main__":
    main()
