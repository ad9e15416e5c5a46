"""Fit the weights that every zone's own forecast starts from, and write climate/data/forecast_prior.json.

Needs traces of your own: wide CSVs with a column `utc` and one column of g CO2e/kWh per grid zone.
Hourly traces cannot be shipped (their licence forbids it); the weights are statistics of them.

    .venv/bin/python benchmarks/fit_forecast_prior.py 2021.csv 2022.csv --out climate/data/forecast_prior.json
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

# Nothing of the person's own deployment is read or written: no `.env`, no `var/`, no broker.
folder = tempfile.mkdtemp(prefix="commonwatt_bench_")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ |= {"COMMONWATT_DATA_DIR": folder, "COMMONWATT_ENV_FILE": os.devnull, "COMMONWATT_ENV": "local"}
os.environ |= {"LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "config.settings"}
os.environ.pop("DATABASE_URL", None)
os.environ.pop("REDIS_URL", None)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django  # noqa: E402
import numpy as np  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import track  # noqa: E402

from climate.domain.forecast.blend import Prior, blend  # noqa: E402
from climate.domain.forecast.features import FEATURES, Features, build_features, is_long_enough  # noqa: E402
from climate.domain.forecast.learner import HIGH_QUANTILE, LOW_QUANTILE  # noqa: E402
from climate.domain.forecast.trace import HORIZON_HOURS, Array, Trace  # noqa: E402
from climate.domain.forecast.wide_csv import parse_wide_csv, traces_of  # noqa: E402

ISSUE_EVERY_HOURS = 6
WARM_UP_DAYS = 28
RIDGE = 0.001
"""Of the variance of one zone's target, for each zone: holds the weights of features that hardly vary."""


def main() -> None:
    """Fit on all zones of all files together, every zone with the same say, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("traces", type=Path, nargs="*")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if not arguments.traces or arguments.out is None:
        print("Needs traces of measured hours, which cannot be shipped: fit_forecast_prior.py TRACE.csv ... --out FILE")
        return
    django.setup()
    from climate.services.forecasts.places import zone_places

    files = [parse_wide_csv(path.open(encoding="utf-8"), name=path.name) for path in arguments.traces]
    traces = traces_of(files, zone_places())
    console = Console(stderr=True)
    built = [examples(trace) for trace in track(traces.values(), description="Reading", console=console)]
    numbers = fit(built) | {
        "fitted_on": f"{len(traces)} zones, {files[0][0][0]:%Y-%m-%d} to {files[-1][0][-1]:%Y-%m-%d}",
        "features": list(FEATURES),
    }
    arguments.out.write_text(json.dumps(numbers, sort_keys=True).replace("], ", "],\n") + "\n", encoding="utf-8")


def examples(trace: Trace) -> tuple[Features, Array]:
    """Features of a zone's issues and what was measured."""
    last = len(trace.values) - HORIZON_HOURS
    issues = np.array(
        [at for at in range(WARM_UP_DAYS * 24, last, ISSUE_EVERY_HOURS) if is_long_enough(trace, at)], dtype=int
    )
    return build_features(trace, issues), trace.logarithms[issues[:, None] + np.arange(HORIZON_HOURS)]


def fit(built: list[tuple[Features, Array]]) -> dict[str, object]:
    """Weights by the hour ahead, and the band of their errors in spreads."""
    squares, products = (
        np.zeros((HORIZON_HOURS, len(FEATURES), len(FEATURES))),
        np.zeros((HORIZON_HOURS, len(FEATURES))),
    )
    for features, actual in built:
        known = ~np.isnan(actual)
        target = np.where(known, actual - features.profile, 0.0)
        inputs = np.where(known[..., None], features.inputs, 0.0)
        # Otherwise the wildest zone alone would decide.
        say = 1.0 / max(float(target[known].var()) * len(actual), 1e-9)
        squares += say * np.einsum("ikf,ikh->kfh", inputs, inputs)
        products += say * np.einsum("ikf,ik->kf", inputs, target)
    ridge = RIDGE * len(built) * np.eye(len(FEATURES))
    weights = np.linalg.solve(squares + ridge, products[..., None])[..., 0].astype(np.float64)
    prior = Prior(weights=weights, low=np.zeros(HORIZON_HOURS), high=np.zeros(HORIZON_HOURS))
    errors = [(actual - blend(features, prior.weights)) / features.spread for features, actual in built]
    bands = np.mean([np.nanquantile(each, [LOW_QUANTILE, HIGH_QUANTILE], axis=0) for each in errors], axis=0)
    return {"weights": weights.round(4).tolist(), "low": bands[0].round(4).tolist(), "high": bands[1].round(4).tolist()}


if __name__ == "__main__":
    main()
