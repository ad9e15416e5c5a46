"""`manage.py replay_auction ID`: work an auction out again from what was stored with it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.kernel.errors import DomainError
from market.services import replay_auction


class Command(BaseCommand):
    help = "Work an auction out again from its stored inputs; exit 1 if that does not give the very same trades."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("auction_id", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = replay_auction(options["auction_id"])
        except DomainError as error:
            raise CommandError(error.detail) from error
        for difference in found.differences:
            self.stdout.write(difference)
        if not found.agrees:
            raise CommandError("The stored inputs do not give the trades that are stored.", returncode=1)
        self.stdout.write(f"The stored inputs ({found.sha256}) give the same {found.trades} fills.")
