"""What the own forecast costs: 20 zones x 96 hours beside the plain blend, and the daily fit of their weights.

Processor time of one thread on made-up grids (a day's curve under weather that lasts), in one run.
How good forecasts are is another question: `manage.py forecast_backtest TRACE.csv`.

    .venv/bin/python benchmarks/forecast.py
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from climate.domain.forecast import Place, Prior, Trace, forecast_zone, replay  # noqa: E402
from climate.domain.forecast.backtest import plain_blend  # noqa: E402

ZONES = 20
FORECAST_DAYS = 36  # what is read to forecast
FIT_DAYS = 90  # what is read to fit
WARM_UP = 2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    prior = Prior.of(json.loads((ROOT / "climate/data/forecast_prior.json").read_text(encoding="utf-8")))
    short, long = ([grid(number, days) for number in range(ZONES)] for days in (FORECAST_DAYS, FIT_DAYS))
    fits = [replay(trace, prior=prior).fit for trace in long]
    plain = seconds(lambda: [plain_blend(trace, np.array([len(trace.values)])) for trace in short], rounds)
    # A copy, so that the sun and the logarithms are worked out anew each time, as in use.
    own = seconds(
        lambda: [forecast_zone(again(trace), prior=prior, fit=fit) for trace, fit in zip(short, fits, strict=True)],
        rounds,
    )
    fit = seconds(lambda: [replay(again(trace), prior=prior) for trace in long], 2)
    table = Table(title=f"{ZONES} zones x 96 hours, processor time, median of {rounds} rounds", title_justify="left")
    for name in ("work", "seconds", "times the plain blend"):
        table.add_column(name, justify="left" if name == "work" else "right")
    for name, taken in (("plain blend", plain), ("own forecast with band", own), (f"fit on {FIT_DAYS} days", fit)):
        table.add_row(name, f"{taken:.4f}", f"{taken / plain:,.1f}")
    Console().print(table)


def grid(seed: int, days: int) -> Trace:
    """A made-up grid with a place of its own."""
    rng = np.random.default_rng(seed)
    weather = np.zeros(days * 24)
    for hour in range(1, len(weather)):
        weather[hour] = 0.97 * weather[hour - 1] + rng.normal(0, 0.05)
    day = 300 + 100 * np.sin(np.arange(len(weather)) * np.pi / 12)
    place = Place(latitude=float(rng.uniform(-50, 60)), longitude=float(rng.uniform(-180, 180)))
    return Trace(first_hour=datetime(2026, 1, 1, tzinfo=UTC), values=day * np.exp(weather), place=place)


def again(trace: Trace) -> Trace:
    """The same, nothing worked out yet."""
    return Trace(first_hour=trace.first_hour, values=trace.values, place=trace.place)


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Processor seconds of the middle round."""
    for _ in range(min(WARM_UP, rounds)):
        work()
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
