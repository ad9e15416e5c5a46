"""Learning from settled work how many tokens work takes. Every outcome counts once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from budgets.domain.ending import Came
from budgets.domain.estimates import Estimate, EstimateTerms, Learned, Mode, Outcome, WorkKind, cold_start, learn
from budgets.models import EstimateGroup, EstimateOutcome
from budgets.selectors.estimates import COLUMNS, kind_of_row, which
from budgets.selectors.figures import get_estimate_terms
from config.kernel.sql import insert, write

BATCH = 500
FIGURES = tuple(Learned.__dataclass_fields__)


def record_outcome(
    *,
    reference: str,
    predicted: Estimate,
    actual_tokens: int,
    at: datetime,
) -> None:
    """Keep what was predicted of a piece of work when it was asked for, and the tokens it took beyond its input.

    Called in the transaction that settles. A second report of the same reference changes nothing.
    """
    record_outcomes([Came(reference=reference, predicted=predicted, actual_tokens=actual_tokens)], at=at)


def record_outcomes(outcomes: Sequence[Came], *, at: datetime) -> None:
    """`record_outcome` for several pieces of work, with one statement."""
    if not outcomes:
        return
    rows = [
        (
            each.reference,
            *(getattr(each.predicted.kind, name) for name in COLUMNS),
            each.predicted.p50_tokens,
            each.predicted.p95_tokens,
            each.actual_tokens,
            at,
        )
        for each in outcomes
    ]
    columns = ("reference", *COLUMNS, "predicted_p50_tokens", "predicted_p95_tokens", "actual_tokens", "at")
    write([insert("budgets_estimateoutcome", columns, rows, after="ON CONFLICT DO NOTHING")])


def learn_estimates(*, now: datetime) -> int:
    """Fold every new outcome into its groups, oldest first; return how many.

    Batch by batch: an outcome is marked in the transaction that moves its groups, so a worker that
    dies loses nothing and counts nothing twice. Several workers wait for each other.
    """
    learned = 0
    while count := _learn_batch(now=now):
        learned += count
    return learned


@transaction.atomic
def _learn_batch(*, now: datetime) -> int:
    new = EstimateOutcome.objects.select_for_update().filter(learned_at=None)
    outcomes = list(new.order_by("id")[:BATCH])
    if not outcomes:
        return 0
    terms = get_estimate_terms()
    rows = _locked_groups({each for outcome in outcomes for each in _kind(outcome).and_coarser()})
    states = {kind: _state(row) for kind, row in rows.items()}
    for outcome in outcomes:
        _fold(outcome, states, terms)
    _store(states, rows, now=now)
    EstimateOutcome.objects.filter(pk__in=[each.pk for each in outcomes]).update(learned_at=now)
    return len(outcomes)


def _fold(outcome: EstimateOutcome, states: dict[WorkKind, Learned], terms: EstimateTerms) -> None:
    """Move the groups of an outcome. A group that begins stands where the one above it stood before."""
    result = Outcome(
        predicted_p50_tokens=outcome.predicted_p50_tokens,
        predicted_p95_tokens=outcome.predicted_p95_tokens,
        actual_tokens=outcome.actual_tokens,
    )
    above = cold_start(Mode(outcome.mode), outcome.role_count, terms)
    for kind in reversed(_kind(outcome).and_coarser()):
        before = states.get(kind) or Learned(p50_tokens=above.p50_tokens, p95_tokens=above.p95_tokens)
        states[kind] = learn(before, result, terms)
        above = before


def _locked_groups(kinds: Iterable[WorkKind]) -> dict[WorkKind, EstimateGroup]:
    rows = EstimateGroup.objects.select_for_update().filter(which(tuple(kinds))).order_by("pk")
    return {kind_of_row(row): row for row in rows}


def _store(states: dict[WorkKind, Learned], rows: dict[WorkKind, EstimateGroup], *, now: datetime) -> None:
    for kind, row in rows.items():
        for name, value in asdict(states[kind]).items():
            setattr(row, name, value)
        row.updated_at = now
    EstimateGroup.objects.bulk_update(rows.values(), [*FIGURES, "updated_at"])
    EstimateGroup.objects.bulk_create(
        EstimateGroup(**asdict(kind), **asdict(state), updated_at=now)
        for kind, state in states.items()
        if kind not in rows
    )


def _kind(outcome: EstimateOutcome) -> WorkKind:
    return WorkKind(**{name: getattr(outcome, name) for name in COLUMNS})


def _state(row: EstimateGroup) -> Learned:
    return Learned(**{name: getattr(row, name) for name in FIGURES})
