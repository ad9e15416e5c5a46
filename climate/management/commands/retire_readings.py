"""`manage.py retire_readings`: move what is older than the retention policy keeps it to the archive, now."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from climate.services.retention import retire_readings
from config.kernel.errors import DomainError


class Command(BaseCommand):
    help = "Turn old readings into means and move them to the archive, as the scheduler does once a day."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = retire_readings(now=timezone.now(), progress=self._say)
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        rows = sum(done.rows.values())
        said = f"{rows:,} rows went to the archive, in files: {done.days:,}." if rows else "Nothing is old enough."
        self.stdout.write(said)

    def _say(self, table: str, day: date, rows: int) -> None:
        self.stdout.write(f"{table} {day}: {rows:,} rows")
