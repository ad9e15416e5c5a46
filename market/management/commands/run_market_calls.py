"""`manage.py run_market_calls`: hold the calls of the market that are due, or close one now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from config.kernel.errors import DomainError
from market.selectors import list_instruments_now
from market.services import end_due_halts, run_call, run_due_calls


class Command(BaseCommand):
    help = "Hold the calls of the market whose time has come; with --now all for which orders wait, or one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--instrument", help="close the call of this one (its code) at once")
        parser.add_argument("--now", action="store_true", help="close every call for which orders wait at once")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        end_due_halts(now=now)
        codes = [options["instrument"]] if options["instrument"] else []
        if options["now"] and not codes:
            codes = [each.code for each in list_instruments_now(now=now) if each.next_call_at]
        elif not codes:
            self.stdout.write(f"{run_due_calls(now=now)} calls held")
        for code in codes:
            self._close(code, now)

    def _close(self, code: str, now: datetime) -> None:
        try:
            auction = run_call(instrument_code=code, now=now)
        except DomainError as error:
            raise CommandError(error.detail) from error
        told = (
            f"auction {auction.pk} {auction.status}. {auction.explanation}" if auction else "nobody wants to trade it"
        )
        self.stdout.write(f"{code}: {told}")
