"""How far the modelled hour is from measured hours: its error beside that of the plain yearly value.

Needs a trace of your own: a CSV with a column `utc` (2023-01-01T00:00Z) and one column of
g CO2e/kWh per grid zone. Hourly traces cannot be shipped (their licence forbids it).

    .venv/bin/python benchmarks/modelled_hour.py TRACE.csv [--year-before]

With --year-before the model knows only yearly values from before the trace's year, as it does in
use: the mean of a running year is not published yet.
"""

from __future__ import annotations

import argparse
import atexit
import csv
import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

# Nothing of the person's own deployment is read or written.
folder = tempfile.mkdtemp(prefix="commonwatt_bench_")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ |= {"COMMONWATT_DATA_DIR": folder, "COMMONWATT_ENV_FILE": os.devnull, "COMMONWATT_ENV": "local"}
os.environ |= {"LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "config.settings"}
os.environ.pop("DATABASE_URL", None)
os.environ.pop("REDIS_URL", None)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django  # noqa: E402

django.setup()

import numpy as np  # noqa: E402
from django.core.management import call_command  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import track  # noqa: E402
from rich.table import Table  # noqa: E402

from climate.domain.estimates import MODELLED_RANGE  # noqa: E402
from climate.models import ZoneYear  # noqa: E402
from climate.selectors.atlas import get_atlas  # noqa: E402
from climate.services.reference import load_reference  # noqa: E402


def main() -> None:
    """Print error and coverage per zone and on average."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("trace", type=Path, nargs="?")
    parser.add_argument("--year-before", action="store_true", help="use only yearly values from before the trace")
    arguments = parser.parse_args()
    path = arguments.trace
    if path is None:
        print("Needs a trace of measured hours, which cannot be shipped: benchmarks/modelled_hour.py TRACE.csv")
        return
    hours, traces = _read(path)
    call_command("migrate", verbosity=0)
    load_reference(now=hours[-1])
    if arguments.year_before:
        ZoneYear.objects.filter(year__gte=hours[0].year).delete()
    atlas = get_atlas()
    table = Table("zone", "modelled hour MAPE %", "yearly value MAPE %", "correlation", "in the stated range %")
    rows = []
    for zone, trace in track(traces.items(), description="Modelling", console=Console(stderr=True)):
        modelled = atlas.model_hours([zone], hours)
        year = atlas.zones[zone].value_for(hours[0].year) if zone in atlas.zones else None
        if len(modelled) < len(hours) or year is None or year.intensity_g_per_kwh is None:
            table.add_row(zone, "not modelled", "", "", "")
            continue
        values = np.array([modelled[zone, hour].intensity_g_per_kwh for hour in hours])
        rows.append(_score(values, np.full(len(hours), year.intensity_g_per_kwh), trace))
        table.add_row(zone, *(f"{figure:.2f}" for figure in rows[-1]))
    table.add_row("mean", *(f"{figure:.2f}" for figure in np.nanmean(np.array(rows), axis=0)))
    Console(width=110).print(table)


def _read(path: Path) -> tuple[list[datetime], dict[str, np.ndarray]]:
    with path.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    hours = [datetime.fromisoformat(row["utc"].replace("Z", "+00:00")).astimezone(UTC) for row in rows]
    zones = [name for name in rows[0] if name != "utc"]
    return hours, {zone: np.array([float(row[zone]) if row[zone] else np.nan for row in rows]) for zone in zones}


def _score(modelled: np.ndarray, yearly: np.ndarray, trace: np.ndarray) -> tuple[float, float, float, float]:
    known = ~np.isnan(trace) & (trace > 0)
    modelled, yearly, trace = modelled[known], yearly[known], trace[known]
    low, high = MODELLED_RANGE
    return (
        float(100 * np.mean(np.abs(modelled - trace) / trace)),
        float(100 * np.mean(np.abs(yearly - trace) / trace)),
        float(np.corrcoef(modelled, trace)[0, 1]),
        float(100 * np.mean((trace >= low * modelled) & (trace <= high * modelled))),
    )


if __name__ == "__main__":
    main()
