"""What foretells that all windows of a session will be full: the k-th smallest time to exhaustion, or correlation?

On sessions that are made up (`_exhaustion_world.py` says how), in a world whose agents are independent of each other
and in one where they share phases. The label: half of the agents are full within 15 minutes. Each predictor is scored
by its AUC, the share of pairs of which it ranks the session that came above the one that did not: 0.5 is a coin.
Then how often the k-th agent's time lay within its 80 % band, and how far off the central time was. `make bench`, or

    .venv/bin/python benchmarks/exhaustion.py --quick
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, median

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from _exhaustion_world import Watched, sessions  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from sessions_app.domain.foresight import (  # noqa: E402
    HORIZON_SECONDS,
    Outlook,
    auc,
    foresee,
    pearson,
)
from sessions_app.domain.terms import Forecasts  # noqa: E402

TERMS = Forecasts(
    smoothing_percent=30,
    least_samples=3,
    k_percent=50,
    joint_percent=70,
    correlation_percent=80,
    transition_minutes=15,
)
Case = tuple[Watched, Outlook]


def main() -> int:
    """Measure and print; 1 if something else foretells more than the k-th smallest time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="500 sessions of each world in place of 2,000")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    console, count = Console(), 500 if asked.quick else 2000
    is_best = True
    for name, is_coupled in (("independent agents", False), ("agents that share phases", True)):
        cases = [(each, _foreseen(each)) for each in sessions(count, is_coupled=is_coupled, seed=asked.seed)]
        is_best = _print_world(name, cases, console) and is_best
    return 0 if is_best else 1


def _foreseen(watched: Watched) -> Outlook:
    return foresee(watched.loads, now_seconds=watched.at_seconds, terms=TERMS)


def _print_world(name: str, cases: Sequence[Case], console: Console) -> bool:
    labels = [_actual(case) <= TERMS.transition_minutes * 60 for case in cases]
    table = Table(title=f"{len(cases):,} made-up sessions, {name}: {fmean(labels):.0%} full in 15 min")
    table.add_column("predictor")
    table.add_column("AUC", justify="right")
    found = {each: auc([score(case) for case in cases], labels) or 0.0 for each, score in PREDICTORS.items()}
    for predictor, value in found.items():
        table.add_row(predictor, f"{value:.3f}")
    console.print(table)
    known = [case for case in cases if case[1].band is not None and case[1].band.is_foreseen]
    held = [_is_held(case) for case in known]
    errors = [abs(_central(case) - _actual(case)) / _actual(case) for case in known]
    console.print(
        f"Of {len(known):,} forecasts {fmean(held):.0%} of actual times lay within the 80 % band;"
        f" median error of the central time {median(errors):.0%}.",
        highlight=False,
    )
    return found[BEST] == max(found.values())


def _actual(case: Case) -> float:
    watched, outlook = case
    return sorted(watched.full_after)[outlook.k - 1]


def _central(case: Case) -> float:
    band = case[1].band
    return HORIZON_SECONDS if band is None else band.central_seconds


def _is_held(case: Case) -> bool:
    band = case[1].band
    return band is not None and band.low_seconds <= _actual(case) <= band.high_seconds


def _correlation_of_loads(case: Case) -> float:
    """The mean correlation of what pairs of windows hold, at the last calls of both: the founding documents' way."""
    rows = [[float(sample.tokens) for sample in load.samples] for load in case[0].loads]
    found = []
    for index, one in enumerate(rows):
        for other in rows[index + 1 :]:
            length = min(len(one), len(other))
            value = pearson(one[-length:], other[-length:]) if length > 2 else None
            found += [] if value is None else [value]
    return fmean(found) if found else 0.0


def _mean_occupancy(case: Case) -> float:
    return fmean(load.used_tokens / load.limit_tokens for load in case[0].loads)


BEST = "k-th smallest time to exhaustion"
PREDICTORS: dict[str, Callable[[Case], float]] = {
    BEST: lambda case: -_central(case),
    "mean occupancy": _mean_occupancy,
    "two agents cross 70 % in one step": lambda case: float(case[1].is_joint),
    "correlation of loads": _correlation_of_loads,
    "correlation of increments": lambda case: case[1].correlation or 0.0,
}

if __name__ == "__main__":
    raise SystemExit(main())
