"""`manage.py run_allocation_pass`: place the requests that wait."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.kernel.errors import DomainError
from market.services import run_allocation_pass


class Command(BaseCommand):
    help = "Decide every waiting request, weightiest first, each in its cleanest hour."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = run_allocation_pass(now=timezone.now(), trigger="command", actor="operator")
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(
            f"run {done.run_id}: {done.considered} considered, {done.granted} granted,"
            f" {done.denied} denied, {done.waiting} waiting"
        )
