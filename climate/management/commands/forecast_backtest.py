"""`manage.py forecast_backtest TRACE.csv`: how good the own forecast would have been on measured hours."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from climate.domain.forecast.backtest import DEFINITIONS, LEADS, Backtest, Scores
from climate.domain.forecast.wide_csv import BadTrace
from climate.services.forecasts.backtest import backtest_files

WIDTH_CHARACTERS = 150  # where the output is no terminal
OWN, PLAIN = "own forecast", "plain blend (mean of yesterday and of the last 7 days at that hour)"


class Command(BaseCommand):
    help = (
        "Issue a forecast every six hours from what was known then, on measured hours, and score it beside a plain"
        " blend. Needs no database. The trace is a wide CSV: `utc`, then one column of g CO2e/kWh per zone; cells"
        " that are empty or 0 are hours nobody measured."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("trace", type=Path, metavar="TRACE.csv")
        parser.add_argument(
            "--history",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="Earlier hours in the same form, learnt from and not scored. May be given several times.",
        )
        parser.add_argument("--json", type=Path, metavar="OUT", help="Also write all figures there.")

    def handle(self, *, trace: Path, history: list[Path], **options: Any) -> None:
        try:
            found = backtest_files(trace=trace, history=history, track=_track)
            if options["json"]:
                options["json"].write_text(json.dumps(_figures(found), indent=1) + "\n", encoding="utf-8")
        except BadTrace as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error
        console = Console(width=None if self.stdout.isatty() else WIDTH_CHARACTERS)
        with console.capture() as text:
            console.print(_table(OWN, found, [each.own for each in found]))
            console.print(_table(PLAIN, found, [each.plain for each in found]))
            console.print(*DEFINITIONS, sep="\n", style="dim", highlight=False)
        self.stdout.write(text.get())


def _track(zones: Sequence[str]) -> Iterable[str]:
    return track(zones, description="Forecasting", console=Console(stderr=True), transient=True)


def _table(title: str, found: Sequence[Backtest], scores: Sequence[Scores]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("zone", "issues", *(f"MAPE {lead} %" for lead in LEADS), *(f"MAE {lead} g/kWh" for lead in LEADS)):
        table.add_column(name, justify="left" if name == "zone" else "right")
    table.add_column("in 80 % band, %", justify="right")
    table.add_column("share of oracle's saving", justify="right")
    rows = [_columns(each) for each in scores]
    for each, row in zip(found, rows, strict=True):
        table.add_row(each.zone, str(each.issues), *map(_words, row))
    table.add_section()
    table.add_row("mean", "", *(_words(_mean(column)) for column in zip(*rows, strict=True)))
    return table


def _columns(scores: Scores) -> list[float | None]:
    return [
        *scores.mape_percent.values(),
        *scores.mae_g_per_kwh.values(),
        scores.coverage_percent,
        scores.saving_share,
    ]


def _words(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _figures(found: Sequence[Backtest]) -> dict[str, Any]:
    means = {
        name: dict(zip(_names(), map(_mean, zip(*columns, strict=True)), strict=True))
        for name, columns in (
            ("own", [_columns(each.own) for each in found]),
            ("plain", [_columns(each.plain) for each in found]),
        )
    }
    return {"definitions": DEFINITIONS, "zones": [asdict(each) for each in found], "mean": means}


def _names() -> list[str]:
    return [
        *(f"mape_percent {lead}" for lead in LEADS),
        *(f"mae_g_per_kwh {lead}" for lead in LEADS),
        "coverage_percent",
        "saving_share",
    ]
