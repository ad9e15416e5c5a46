"""`manage.py restore_readings FILE`: bring the rows of an archived file back for a while."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from climate.services.restoration import restore_archived_file
from config.kernel.errors import DomainError


class Command(BaseCommand):
    help = "Put the rows of an archived file back into the database; existing rows stay as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="A file below ARCHIVE_DIR, or a copy of one.")
        parser.add_argument("--days", type=int, default=30, help="When they go back to the archive. Default: 30.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = restore_archived_file(path=options["file"], days=options["days"], now=timezone.now())
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        came = f"{done.added:,} of {done.rows:,} rows came back to {done.what.replace('_', ' ')}."
        stay = f"They stay until {done.stays_until:%Y-%m-%d %H:%M} UTC."
        self.stdout.write(f"{came if done.added else 'Nothing was missing.'} {stay}")
