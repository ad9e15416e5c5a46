"""Reads of what was learned about how many tokens work takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from math import ceil
from operator import or_

from django.db.models import Q

from budgets.domain.estimates import (
    ANY,
    ENOUGH_OUTCOMES,
    Estimate,
    EstimateBasis,
    EstimateTerms,
    Mode,
    WorkKind,
    choose_mode,
    cold_start,
    kind_of,
)
from budgets.models import EstimateGroup
from budgets.selectors.figures import get_estimate_terms


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyFacts:
    """How good the predictions of one group of work were, against `target_share` within 30 % of the outcome.

    Errors are relative to the outcome; of predictions made when the work was asked for. Shares 0..1.
    `is_coarse` groups hold the outcomes of several finer ones; each outcome is in one of those that are
    `is_widest`. Groups that have seen enough `answers`. `is_adapting` groups are off by so
    much that they learn twice as fast.
    """

    kind: WorkKind
    is_coarse: bool
    is_widest: bool
    answers: bool
    p50_tokens: int
    p95_tokens: int
    outcome_count: int
    within_target_share: float
    covered_share: float
    mean_error: float
    smoothed_error: float
    target_share: float
    meets_target: bool
    is_adapting: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEstimates:
    """Everything that estimates are made of, as it was when it was read. `told`: answers so far, by kind of work."""

    terms: EstimateTerms
    learned: Mapping[WorkKind, Estimate]
    told: dict[WorkKind, Estimate] = field(default_factory=dict, compare=False, repr=False)

    def estimate(
        self, *, mode: str | None, role_count: int, complexity: float | None, model_class: str, purpose: str
    ) -> Estimate:
        """What `get_estimate` said then, without the database."""
        kind = _kind_of_work(mode, role_count, complexity, model_class, purpose, self.terms)
        known = self.told.get(kind)
        if known is None:
            found = next((self.learned[each] for each in kind.and_coarser() if each in self.learned), None)
            known = replace(found, kind=kind) if found else _from_documents(kind, self.terms)
            self.told[kind] = known
        return known


def load_estimates() -> KnownEstimates:
    """For those who ask often: all groups that have seen enough. Two queries."""
    rows = EstimateGroup.objects.filter(outcome_count__gte=ENOUGH_OUTCOMES)
    return KnownEstimates(
        terms=get_estimate_terms(), learned={kind_of_row(row): _of_group(row, kind_of_row(row)) for row in rows}
    )


def get_estimate(
    *, mode: str | None, role_count: int, complexity: float | None, model_class: str, purpose: str
) -> Estimate:
    """Tokens that work of this shape takes beyond its input: expected (p50) and to hold (p95).

    Without a mode it is chosen by complexity (0..1). Reads thresholds and groups: two queries.
    """
    terms = get_estimate_terms()
    kind = _kind_of_work(mode, role_count, complexity, model_class, purpose, terms)
    return _learned(kind) or _from_documents(kind, terms)


def list_accuracy() -> list[AccuracyFacts]:
    """Every group that has seen settled work, the most coarse of each mode first."""
    terms = get_estimate_terms()
    rows = EstimateGroup.objects.filter(outcome_count__gt=0)
    facts = [_accuracy(row, terms) for row in rows]
    return sorted(facts, key=_by_coarseness)


def which(kinds: tuple[WorkKind, ...]) -> Q:
    """The rows of these groups."""
    return reduce(or_, (Q(**{name: getattr(kind, name) for name in COLUMNS}) for kind in kinds))


COLUMNS = ("mode", "role_count", "complexity_band", "model_class", "purpose")


def kind_of_row(row: EstimateGroup) -> WorkKind:
    """The kind of work that a group holds."""
    return WorkKind(**{name: getattr(row, name) for name in COLUMNS})


def _kind_of_work(
    mode: str | None, role_count: int, complexity: float | None, model_class: str, purpose: str, terms: EstimateTerms
) -> WorkKind:
    return kind_of(
        mode=choose_mode(Mode(mode) if mode else None, complexity, terms),
        role_count=role_count,
        complexity=complexity,
        model_class=model_class,
        purpose=purpose,
        terms=terms,
    )


def _learned(kind: WorkKind) -> Estimate | None:
    kinds = kind.and_coarser()
    rows = EstimateGroup.objects.filter(which(kinds), outcome_count__gte=ENOUGH_OUTCOMES)
    known = {kind_of_row(row): row for row in rows}
    row = next((known[each] for each in kinds if each in known), None)
    if row is None:
        return None
    return _of_group(row, kind)


def _of_group(row: EstimateGroup, kind: WorkKind) -> Estimate:
    return Estimate(
        p50_tokens=ceil(row.p50_tokens),
        p95_tokens=ceil(row.p95_tokens),
        basis=EstimateBasis.LEARNED,
        kind=kind,
        group=kind_of_row(row),
        outcome_count=row.outcome_count,
    )


def _from_documents(kind: WorkKind, terms: EstimateTerms) -> Estimate:
    cold = cold_start(Mode(kind.mode), kind.role_count, terms)
    return Estimate(
        p50_tokens=ceil(cold.p50_tokens),
        p95_tokens=ceil(cold.p95_tokens),
        basis=EstimateBasis.COLD_START,
        kind=kind,
        group=kind,
        outcome_count=0,
    )


def _accuracy(row: EstimateGroup, terms: EstimateTerms) -> AccuracyFacts:
    within = row.within_target_count / row.outcome_count
    return AccuracyFacts(
        kind=kind_of_row(row),
        is_coarse=row.purpose == ANY,
        is_widest=row.model_class == ANY,
        answers=row.outcome_count >= ENOUGH_OUTCOMES,
        p50_tokens=ceil(row.p50_tokens),
        p95_tokens=ceil(row.p95_tokens),
        outcome_count=row.outcome_count,
        within_target_share=within,
        covered_share=row.covered_count / row.outcome_count,
        mean_error=row.error_sum / row.outcome_count,
        smoothed_error=row.smoothed_error,
        target_share=terms.target_share,
        meets_target=within >= terms.target_share,
        is_adapting=row.smoothed_error > terms.adapt_above,
        updated_at=row.updated_at,
    )


def _by_coarseness(facts: AccuracyFacts) -> tuple[str, int, bool, str, bool, str, str]:
    kind = facts.kind
    return (
        kind.mode,
        kind.role_count,
        kind.model_class != ANY,
        kind.model_class,
        kind.purpose != ANY,
        kind.purpose,
        kind.complexity_band,
    )
