"""`manage.py verify_ledger`: recompute every budget, fund and account, and what is kept for the plan and the market."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from budgets.selectors import list_ledger_differences
from market.selectors import list_fund_differences, list_market_differences, list_plan_differences


class Command(BaseCommand):
    help = "Recompute every budget and wallet from the ledger; exit 1 on any difference."

    def handle(self, *args: Any, **options: Any) -> None:
        with one_view():
            differences = list_ledger_differences(progress=self._progress)
            differences += list_fund_differences() + list_plan_differences() + list_market_differences()
        for difference in differences:
            self.stdout.write(difference)
        if differences:
            raise CommandError(f"{len(differences)} differences.", returncode=1)
        self.stdout.write("Every budget, fund and account is the sum of its ledger.")

    def _progress(self, done: int, total: int) -> None:
        if self.stdout.isatty():
            self.stdout.write(f"\r{done:,} of {total:,} entries", ending="\n" if done == total else "")
            self.stdout.flush()


@contextmanager
def one_view() -> Iterator[None]:
    """One view of the books: work that goes on meanwhile must not look like a difference, nor wait for this."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # Not Django's own transaction, which takes the lock to write: readers of SQLite need none.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
