"""Who changes what a plan promises, and who puts another plan in force: never both at once.

A lock of its own rather than that of the current run's row: before the first plan there is no such
row, and a row that many share is written to by each of them.
"""

from __future__ import annotations

from django.db import connection

from market.models import AllocationRun
from market.selectors.plan_inputs import find_run_in_force

LOCK = (0x434F4D57, 5)
"""Two numbers that nothing else in this database locks by."""


def share_plan() -> AllocationRun | None:
    """The run whose plan is in force, which stays so until this transaction ends; None before the first.

    Take it before any row: requests, hours, Fund and holds come after it. Many may share it.
    """
    _lock("pg_advisory_xact_lock_shared")
    return find_run_in_force()


def own_plan() -> AllocationRun | None:
    """The same for the pass that puts its own plan in force: nobody takes up or gives back until it commits."""
    _lock("pg_advisory_xact_lock")
    return find_run_in_force()


def _lock(function: str) -> None:
    """SQLite has one writer at a time anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s, %s)", LOCK)  # one of two names above
