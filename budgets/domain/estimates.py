"""How many tokens a piece of work will take beyond its input, before anything is known of it but its shape.

Two figures: the median (p50) and the upper bound of a hold (p95). A new deployment uses the
founding documents' figures, with their margin as the distance to p95; settled work then moves
both (`budgets.domain.quantiles`).

Outcomes are kept in groups of equal (mode, roles, complexity band, model class, purpose), and
folded into two coarser ones too: any purpose, and any purpose, model class and complexity. The
finest group with at least 20 outcomes answers. Of 20 outcomes one is expected beyond p95; with
fewer a group has not been expected to show even that (own rule: 20 = 1 / (1 - 0.95)). A group
begins where the one above it stands, the coarsest at the documents' figures, so that what little
it has seen is never thrown away.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from budgets.domain.quantiles import TARGET_ERROR, follow, relative_error

ENOUGH_OUTCOMES = 20
ANY = "*"


class Mode(StrEnum):
    """One answer, or several roles that deliberate."""

    EXPRESS = "express"
    COUNCIL = "council"


class EstimateBasis(StrEnum):
    """Where an estimate comes from. The names are part of the API."""

    COLD_START = "cold_start"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateTerms:
    """Output tokens by shape, from the thresholds in force (founding documents' figures by default).

    `adapt_above`: a group whose smoothed relative error is above it learns twice as fast.
    """

    express_tokens: int = 800
    council_tokens: int = 2500
    extra_role_tokens: int = 400
    margin_tokens: int = 500
    council_complexity: float = 0.7
    target_share: float = 0.8
    learning_rate: float = 0.1
    adapt_above: float = 0.2
    least_tokens: int = 50
    most_tokens: int = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkKind:
    """What work is grouped by. `complexity_band`, `model_class` and `purpose` may be `*`, any, in coarser groups."""

    mode: str
    role_count: int
    complexity_band: str
    model_class: str
    purpose: str

    def and_coarser(self) -> tuple[WorkKind, WorkKind, WorkKind]:
        """This kind and the two above it, finest first."""
        any_purpose = replace(self, purpose=ANY)
        return self, any_purpose, replace(any_purpose, complexity_band=ANY, model_class=ANY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a group has learned: its quantiles in tokens and how good the predictions were."""

    p50_tokens: float
    p95_tokens: float
    outcome_count: int = 0
    within_target_count: int = 0
    covered_count: int = 0
    error_sum: float = 0.0
    smoothed_error: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Tokens beyond the input: `p50_tokens` expected, `p95_tokens` to hold.

    `kind` is what the work was taken for, `group` which group answered (the same or a coarser one)
    and `outcome_count` how much settled work that has seen.
    """

    p50_tokens: int
    p95_tokens: int
    basis: EstimateBasis
    kind: WorkKind
    group: WorkKind
    outcome_count: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives back an equal object."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Estimate:
        """The estimate as it was when it was stored."""
        values = dict(stored)
        values["basis"] = EstimateBasis(values["basis"])
        values["kind"], values["group"] = WorkKind(**values["kind"]), WorkKind(**values["group"])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was predicted of a piece of work when it was asked for, and what it took. Tokens beyond the input."""

    predicted_p50_tokens: float
    predicted_p95_tokens: float
    actual_tokens: int


def choose_mode(mode: Mode | None, complexity: float | None, terms: EstimateTerms) -> Mode:
    """The stated mode; else a council where the work is complex."""
    if mode is not None:
        return mode
    return Mode.COUNCIL if (complexity or 0.0) > terms.council_complexity else Mode.EXPRESS


def complexity_band(complexity: float | None, terms: EstimateTerms) -> str:
    """high above the complexity of a council, low up to half of it, medium between; unknown if not told."""
    if complexity is None:
        return "unknown"
    if complexity > terms.council_complexity:
        return "high"
    return "medium" if complexity > terms.council_complexity / 2 else "low"


def kind_of(
    *, mode: Mode, role_count: int, complexity: float | None, model_class: str, purpose: str, terms: EstimateTerms
) -> WorkKind:
    """The finest group of a piece of work. An express answer has one role, whatever was said."""
    return WorkKind(
        mode=mode.value,
        role_count=role_count if mode is Mode.COUNCIL else 1,
        complexity_band=complexity_band(complexity, terms),
        model_class=model_class,
        purpose=purpose,
    )


def cold_start(mode: Mode, role_count: int, terms: EstimateTerms) -> Learned:
    """The founding documents' figures; the margin leads to p95. A council's first role is in its base figure."""
    expected = terms.express_tokens
    if mode is Mode.COUNCIL:
        expected = terms.council_tokens + max(0, role_count - 1) * terms.extra_role_tokens
    return Learned(p50_tokens=expected, p95_tokens=expected + terms.margin_tokens)


def learn(group: Learned, outcome: Outcome, terms: EstimateTerms) -> Learned:
    """The group after one more outcome.

    Errors are those of the prediction made when the work was asked for. While their smoothed mean is
    above `adapt_above` the group moves twice as fast; the balance of the quantiles stays the same.
    """
    error = relative_error(outcome.predicted_p50_tokens, outcome.actual_tokens)
    known = group.smoothed_error if group.outcome_count else error
    smoothed = known + terms.learning_rate * (error - known)
    rate = min(1.0, terms.learning_rate * (2 if smoothed > terms.adapt_above else 1))
    p50 = follow(group.p50_tokens, outcome.actual_tokens, q=0.50, rate=rate)
    p95 = follow(group.p95_tokens, outcome.actual_tokens, q=0.95, rate=rate)
    p50, p95 = (min(max(each, terms.least_tokens), terms.most_tokens) for each in (p50, p95))
    return Learned(
        p50_tokens=p50,
        p95_tokens=max(p50, p95),
        outcome_count=group.outcome_count + 1,
        within_target_count=group.within_target_count + (error <= TARGET_ERROR),
        covered_count=group.covered_count + (outcome.actual_tokens < outcome.predicted_p95_tokens),
        error_sum=group.error_sum + error,
        smoothed_error=smoothed,
    )
