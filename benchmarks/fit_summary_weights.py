"""Fits the weights of what a clause is worth to a summary: `WEIGHTS` and `BASE` of `sessions_app/domain/summary`.

A logistic regression with a ridge, on the fifteen sessions for tuning and on eight more that serve for nothing else.
No held-out session is read. Prints the recall of each session by weights that were fitted on the others, and then
the weights of all, rounded to 0.05.

    .venv/bin/python benchmarks/fit_summary_weights.py
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402

django.setup()

from _summary_ways import FOLDER, Labelled, load  # noqa: E402

from budgets.services import count_tokens  # noqa: E402
from sessions_app.domain.summary import sentences_of, summarise, weighing  # noqa: E402
from sessions_app.domain.summary.clauses import clauses_of  # noqa: E402

NAMES = tuple(weighing.WEIGHTS)
RIDGE = 10.0
PERCENT = 10
STEPS = 30
Numbers = NDArray[np.float64]
Told = tuple[Numbers, Numbers]


def main() -> None:
    """Fit, and print."""
    tuning = [each for each in load() if each.split == "tuning"]
    sessions = [*tuning, *load(FOLDER / "fitting")]
    told = [traits(each) for each in sessions]
    kept = [recall(each, fitted([*told[:at], *told[at + 1 :]])) for at, each in enumerate(sessions)]
    for name, part in (("tuning", kept[: len(tuning)]), ("fitting", kept[len(tuning) :])):
        print(f"{name}: {statistics.mean(part):.1%} at {PERCENT} %, each by weights fitted on the other sessions")
    weights, base = fitted(told)
    for trait, weight in weights.items():
        print(f'    "{trait}": {round(weight * 20) / 20:.2f},')
    print(f"BASE = {base:.1f}")


def traits(session: Labelled) -> Told:
    """The traits of every clause of a session, and 1 for those that state a fact."""
    sentences = sentences_of(session.text)
    clauses = clauses_of(sentences)
    rows = [[found.get(name, 0.0) for name in NAMES] for found in weighing.traits_of(sentences, clauses)]
    return np.array(rows), np.array([float(any(fact.is_in(each.text) for fact in session.facts)) for each in clauses])


def fitted(told: Sequence[Told]) -> tuple[dict[str, float], float]:
    """Weights of the traits, and the base: Newton's method, with a ridge on traits of equal spread."""
    rows, states = np.vstack([each for each, _ in told]), np.concatenate([each for _, each in told])
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    scaled = np.column_stack([(rows - mean) / spread, np.ones(len(rows))])
    ridge = np.diag([RIDGE] * len(NAMES) + [0.0])
    found = np.zeros(len(NAMES) + 1)
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-scaled @ found))
        slope = scaled.T @ (likely - states) + ridge @ found
        bend = (scaled * (likely * (1 - likely))[:, None]).T @ scaled + ridge
        found -= np.linalg.solve(bend, slope)
    weights = found[:-1] / spread
    return dict(zip(NAMES, weights.tolist(), strict=True)), float(found[-1] - weights @ mean)


def recall(session: Labelled, weights: tuple[dict[str, float], float]) -> float:
    """The share of its facts that a summary by these weights keeps."""
    weighing.WEIGHTS, weighing.BASE = weights
    most = count_tokens(session.text) * PERCENT // 100
    return session.recall(summarise(session.text, most_tokens=most, count=count_tokens).text)


if __name__ == "__main__":
    main()
