"""`manage.py run_market_calls`: hold the calls of the market that are due, or close one now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from config.kernel.errors import DomainError
from market.services import end_due_halts, run_call, run_due_calls


class Command(BaseCommand):
    help = "Hold the calls of the market whose time has come. With --instrument close the call of one at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--instrument", help="its code; closes its call before its time, too")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        end_due_halts(now=now)
        if options["instrument"] is None:
            self.stdout.write(f"{run_due_calls(now=now)} calls held")
            return
        try:
            auction = run_call(instrument_code=options["instrument"], now=now)
        except DomainError as error:
            raise CommandError(error.detail) from error
        if auction is None:
            self.stdout.write("Nobody wants to trade it.")
            return
        self.stdout.write(f"auction {auction.pk}: {auction.status}. {auction.explanation}")
