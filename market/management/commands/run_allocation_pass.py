"""`manage.py run_allocation_pass`: plan the requests that wait."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console

from config.kernel.errors import DomainError
from market.services import PassResult, run_allocation_pass


class Command(BaseCommand):
    help = "Plan everything that waits, fair first and then at the least carbon, and put the plan in force."

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(stderr=True)
        try:
            if console.is_terminal:
                with console.status("beginning") as status:
                    done = _run(tell=lambda stage: status.update(f"{stage} ..."))
            else:
                done = _run(tell=lambda stage: None)
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(
            f"run {done.run_id}: {done.considered} considered, {done.granted} granted,"
            f" {done.denied} denied, {done.waiting} waiting{_remark(done)}"
        )


def _run(tell: Any) -> PassResult:
    return run_allocation_pass(now=timezone.now(), trigger="command", actor="operator", tell=tell)


def _remark(done: PassResult) -> str:
    if done.is_kept:
        return "; nothing has changed, the plan before stays in force"
    return "; degraded: the solver failed" if done.is_degraded else ""
