"""`manage.py export_ledger --budget ID --out ledger.parquet`: a ledger as a file, in constant memory."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from budgets.selectors import get_budget
from budgets.selectors.export_formats import FORMATS, write_ledger
from budgets.selectors.exports import count_entries, list_subtree
from config.kernel.errors import NotFound


class Command(BaseCommand):
    help = "Write the ledger of a budget as CSV or Parquet, by the ending of the file's name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--budget", type=UUID, required=True, help="Id of the budget.")
        parser.add_argument("--out", type=Path, required=True, help="The file: *.csv or *.parquet.")
        parser.add_argument("--subtree", action="store_true", help="With all budgets below it, ended ones too.")
        parser.add_argument("--since", help="Entries from then on; ISO 8601 with time zone.")
        parser.add_argument("--until", help="Entries before then.")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        kind = out.suffix.removeprefix(".")
        if kind not in FORMATS:
            raise CommandError(f"Name the file *.{' or *.'.join(FORMATS)}.")
        since, until = _moment(options["since"], "--since"), _moment(options["until"], "--until")
        try:
            get_budget(options["budget"])
        except NotFound as refusal:
            raise CommandError(refusal.detail) from refusal
        budget_ids = list_subtree(options["budget"]) if options["subtree"] else [options["budget"]]
        written = self._write(out, budget_ids, kind=kind, since=since, until=until)
        self.stdout.write(f"{written:,} entries of {len(budget_ids):,} budgets: {out}")

    def _write(
        self, out: Path, budget_ids: list[UUID], *, kind: str, since: datetime | None, until: datetime | None
    ) -> int:
        """Write beside the file and put it in its place when it is whole; the number of entries."""
        columns = (TextColumn("entries"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        partial = out.with_name(f"{out.name}.{os.getpid()}")
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("entries", total=count_entries(budget_ids, since=since, until=until))
            parts = write_ledger(
                budget_ids,
                kind=kind,
                since=since,
                until=until,
                generated_at=timezone.now(),
                progress=lambda _: progress.advance(task),
            )
            try:
                with partial.open("wb") as file:
                    file.writelines(parts)
                partial.replace(out)
            finally:
                partial.unlink(missing_ok=True)
            return int(progress.tasks[0].completed)


def _moment(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CommandError(f"{name} is a time with a zone, for example 2026-11-21T00:00:00Z.")
    return moment
