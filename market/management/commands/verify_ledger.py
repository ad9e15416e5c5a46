"""`manage.py verify_ledger`: recompute every budget and fund from its ledger."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from budgets.selectors import list_ledger_differences
from market.selectors import list_fund_differences


class Command(BaseCommand):
    help = "Recompute every budget and wallet from the ledger; exit 1 on any difference."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                # One view of the books: work that goes on meanwhile must not look like a difference.
                connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            differences = list_ledger_differences() + list_fund_differences()
        for difference in differences:
            self.stdout.write(difference)
        if differences:
            raise CommandError(f"{len(differences)} differences.", returncode=1)
        self.stdout.write("Every budget and fund is the sum of its ledger.")
