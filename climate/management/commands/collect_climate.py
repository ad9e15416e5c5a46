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
from config.kernel.errors import NotFound


class Command(BaseCommand):
    help = "Ask every enabled source of climate data now, whether it is due or not, and store its answer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--source", help="Ask only this one, enabled or not.")

    def handle(self, *, source: str | None, **options: Any) -> None:
        console = Console(width=None if self.stdout.isatty() else 140)
        names = [source] if source else [each.name for each in list_sources(now=timezone.now()) if each.is_enabled]
        table = Table("source", "state", "readings", "forecasts", "zones", "problems")
        try:
            for name in track(names, description="Asking", console=Console(stderr=True), transient=True):
                done = collect_source(name=name, now=timezone.now())
                figures = (str(done.readings), str(done.forecasts), str(done.zones))
                table.add_row(done.source, done.state, *figures, "; ".join(done.problems))
        except NotFound as error:
            raise CommandError(error.detail) from error
        with console.capture() as text:
            console.print(table)
        self.stdout.write(text.get())
