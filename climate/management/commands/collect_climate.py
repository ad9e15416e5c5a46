"""`manage.py collect_climate`: ask the sources of climate data now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import track
from rich.table import Table

from climate.selectors import list_sources
from climate.services.collect import collect_source
from climate.services.forecasts import make_own_forecasts
from config.kernel.errors import DomainError

COLUMNS = ("source", "state", "new", "revised", "known", "forecasts", "alerts", "zones", "not believed", "problems")


class Command(BaseCommand):
    help = "Ask every enabled source of climate data now, whether it is due or not, and store its answer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--source", help="Ask only this one, enabled or not.")

    def handle(self, *, source: str | None, **options: Any) -> None:
        console = Console(width=None if self.stdout.isatty() else 140)
        names = [source] if source else [each.name for each in list_sources(now=timezone.now()) if each.is_asked]
        table = Table(*COLUMNS)
        for name in track(names, description="Asking", console=Console(stderr=True), transient=True):
            try:
                table.add_row(*_cells(name))
            except DomainError as refusal:
                if source:
                    raise CommandError(refusal.detail) from refusal
                table.add_row(name, "not asked", *[""] * (len(COLUMNS) - 3), refusal.detail)
        with console.capture() as text:
            console.print(table)
        self.stdout.write(text.get())
        # Where everything is one process, what asks for forecasts would be lost when this one ends.
        forecast = make_own_forecasts(now=timezone.now())
        self.stdout.write(f"own forecast: made anew of {forecast} zone{'' if forecast == 1 else 's'}")


def _cells(name: str) -> list[str]:
    done = collect_source(name=name, now=timezone.now())
    known = done.readings - done.new - done.revised
    figures = (done.new, done.revised, known, done.forecasts, done.alerts, done.zones, done.quarantined)
    return [done.source, done.state, *map(str, figures), "; ".join(done.problems)]
