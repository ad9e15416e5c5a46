"""What a session could do better, from what happened in it: proposals with the figures they rest on.

Each rule answers with other terms (dotted keys of the session's policy) or another limit, and with the metric
by which its effect is measured afterwards: as it is, and as it should become. Rules:

- shares of components (the founding documents' rule): 5 points more after more than 3 exhaustions, 5 fewer
  below 50 % mean use, each within 5 to 50 %, then brought to 100 by largest remainders;
- the ladder: after more than 3 emergencies its lower rungs move 5 points down, so that fewer calls can leap
  over them; expected from how much calls grew;
- checkpoints: where more than half of the calls make one, they are made every second call;
- order of cleanup: within each class of harm the strategies that freed most come first; what loses nothing
  stays before what shortens, and that before what leaves;
- a budget that is critical: 5 % more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil
from statistics import fmean
from typing import Any

from sessions_app.domain.terms import Cleanup, SessionTerms, Shares
from sessions_app.domain.words import Component

LEAST_CALLS = 20
"""So many calls make evidence, before and after."""
LEAST_CLEANUPS = 5
ROUND_TOKENS = 500
HARM = (
    frozenset({"drop_duplicates", "drop_redundant", "drop_debug", "archive_finished"}),
    frozenset({"compress_large", "compress_documentation", "keep_excerpts", "summarise_interactions"}),
    frozenset({"archive_interactions", "unload_knowledge", "evict_least_recent"}),
)
"""Classes of strategies: nothing is missed, something is shortened, something leaves."""

REFUSALS = "refusals_per_100_allocations"
EMERGENCIES = "emergencies_per_100_calls"
CHECKPOINTS = "checkpoints_per_100_calls"
STRATEGIES = "strategies_per_cleanup"
USED = "budget_used_percent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An allocation that its component's share did not admit in full; `base_tokens` is what shares are of."""

    component: Component
    missing_tokens: int
    base_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetFacts:
    """A budget that the session spends."""

    id: str
    name: str
    limit: Decimal
    used_percent: float
    is_critical: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What happened in a session over some time. `growth_percents`: what each call added, in percent of its window.

    `component_use`: mean share of its maximum that each component holds, None unknown. `cleanups`: tokens freed by
    strategy, one mapping for each compaction.
    """

    calls: int = 0
    call_tokens: float = 0.0
    growth_percents: Sequence[float] = ()
    emergencies: int = 0
    checkpoints: int = 0
    allocations: int = 0
    refusals: Sequence[Refused] = ()
    component_use: Mapping[Component, float | None] | None = None
    cleanups: Sequence[Mapping[str, int]] = ()
    budgets: Sequence[BudgetFacts] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A change, why, and what it should bring. `before` and `after` are terms by dotted key, or `limit` of a budget."""

    kind: str
    subject: str
    before: dict[str, Any]
    after: dict[str, Any]
    evidence: dict[str, Any]
    expected: dict[str, Any]


def suggest(evidence: Evidence, terms: SessionTerms) -> list[Suggestion]:
    """What the evidence suggests; nothing where there is too little of it."""
    found = [
        _shares(evidence, terms),
        _ladder(evidence, terms),
        _checkpoints(evidence, terms),
        _order(evidence, terms.cleanup),
        *(_budget(each, terms.shares) for each in evidence.budgets),
    ]
    return [each for each in found if each is not None]


def metric_of(name: str, evidence: Evidence, *, subject: str = "") -> float | None:
    """A metric over some time; None where nothing happened that it could be told from."""
    if name == REFUSALS:
        return _per_100(len(evidence.refusals), evidence.allocations)
    if name == EMERGENCIES:
        return _per_100(evidence.emergencies, evidence.calls)
    if name == CHECKPOINTS:
        return _per_100(evidence.checkpoints, evidence.calls)
    if name == STRATEGIES:
        return fmean(len(run) for run in evidence.cleanups) if evidence.cleanups else None
    return next((each.used_percent for each in evidence.budgets if each.id == subject), None)


def is_enough(name: str, evidence: Evidence) -> bool:
    """Whether so much has happened that a metric says something."""
    if name == REFUSALS:
        return evidence.allocations >= LEAST_CALLS
    if name == STRATEGIES:
        return len(evidence.cleanups) >= LEAST_CLEANUPS
    return evidence.calls >= LEAST_CALLS


def adapted_shares(
    shares: Shares, exhaustions: Mapping[Component, int], use: Mapping[Component, float | None]
) -> dict[Component, int]:
    """Shares after one step of the founding documents' rule, in whole percent that sum to 100."""
    wanted = {each: _wanted(shares, each, exhaustions.get(each, 0), use.get(each)) for each in Component}
    total = sum(wanted.values())
    exact = {each: Fraction(100 * value, total) for each, value in wanted.items()}
    fitted = {each: min(max(int(value), shares.least_percent), shares.most_percent) for each, value in exact.items()}
    while missing := 100 - sum(fitted.values()):
        step = 1 if missing > 0 else -1
        free = [each for each in Component if shares.least_percent <= fitted[each] + step <= shares.most_percent]
        if not free:
            return dict(shares.percent)
        nearest = max(free, key=lambda each: step * (exact[each] - fitted[each]))
        fitted[nearest] += step
    return fitted


def _wanted(shares: Shares, component: Component, exhaustions: int, use: float | None) -> int:
    points = 0
    if exhaustions > shares.raise_after_exhaustions:
        points = shares.step_points  # it has peaks: work that was turned away is the greater harm
    elif use is not None and use * 100 < shares.lower_below_percent:
        points = -shares.step_points
    return min(max(shares.percent[component] + points, shares.least_percent), shares.most_percent)


def _shares(evidence: Evidence, terms: SessionTerms) -> Suggestion | None:
    exhaustions = Counter(each.component for each in evidence.refusals)
    if not any(count > terms.shares.raise_after_exhaustions for count in exhaustions.values()):
        return None  # room that nobody asks for is no reason by itself
    now, use = terms.shares.percent, evidence.component_use or {}
    after = adapted_shares(terms.shares, exhaustions, use)
    if after == now:
        return None
    still = sum(
        each.missing_tokens > each.base_tokens * (after[each.component] - now[each.component]) // 100
        for each in evidence.refusals
    )
    return Suggestion(
        kind="shares",
        subject="components",
        before={f"shares.percent.{each.value}": now[each] for each in Component},
        after={f"shares.percent.{each.value}": after[each] for each in Component},
        evidence={
            "allocations": evidence.allocations,
            "exhaustions": {each.value: count for each, count in exhaustions.items()},
            "use_percent": {each.value: round(100 * value, 1) for each, value in use.items() if value is not None},
        },
        expected=_expected(REFUSALS, evidence, _per_100(still, evidence.allocations)),
    )


def _ladder(evidence: Evidence, terms: SessionTerms) -> Suggestion | None:
    ladder, step = terms.ladder, terms.shares.step_points
    names = ("warn_percent", "offload_percent", "checkpoint_percent")
    is_low = ladder.warn_percent - step < ladder.perpetual_percent
    if is_low or evidence.calls < LEAST_CALLS or evidence.emergencies <= terms.shares.raise_after_exhaustions:
        return None
    gap = ladder.emergency_percent - ladder.checkpoint_percent
    leaps = [sum(growth > width for growth in evidence.growth_percents) for width in (gap, gap + step)]
    before = metric_of(EMERGENCIES, evidence)
    after = before * leaps[1] / leaps[0] if before is not None and leaps[0] else before
    return Suggestion(
        kind="thresholds",
        subject="ladder",
        before={f"ladder.{name}": getattr(ladder, name) for name in names},
        after={f"ladder.{name}": getattr(ladder, name) - step for name in names},
        evidence={
            "calls": evidence.calls,
            "emergencies": evidence.emergencies,
            f"calls_that_grew_above_{gap}_percent": leaps[0],
            f"calls_that_grew_above_{gap + step}_percent": leaps[1],
        },
        expected=_expected(EMERGENCIES, evidence, after),
    )


def _checkpoints(evidence: Evidence, terms: SessionTerms) -> Suggestion | None:
    every = terms.checkpoints.every_tokens
    if evidence.calls < LEAST_CALLS or 2 * evidence.checkpoints <= evidence.calls:
        return None
    after = ceil(2 * evidence.call_tokens / ROUND_TOKENS) * ROUND_TOKENS
    if after <= every:
        return None
    return Suggestion(
        kind="thresholds",
        subject="checkpoints",
        before={"checkpoints.every_tokens": every},
        after={"checkpoints.every_tokens": after},
        evidence={
            "calls": evidence.calls,
            "checkpoints": evidence.checkpoints,
            "median_call_tokens": round(evidence.call_tokens),
        },
        expected=_expected(CHECKPOINTS, evidence, 50.0),
    )


def _order(evidence: Evidence, cleanup: Cleanup) -> Suggestion | None:
    if len(evidence.cleanups) < LEAST_CLEANUPS:
        return None
    freed = {name: [run[name] for run in evidence.cleanups if name in run] for name in cleanup.order}
    means = {name: fmean(values) for name, values in freed.items() if values}
    after = _reordered(cleanup.order, means)
    if after == list(cleanup.order):
        return None
    needed = [_strategies_needed(run, cleanup.order, after) for run in evidence.cleanups]
    if fmean(needed) >= fmean(len(run) for run in evidence.cleanups):
        return None
    return Suggestion(
        kind="cleanup",
        subject="order",
        before={"cleanup.order": list(cleanup.order)},
        after={"cleanup.order": after},
        evidence={
            "cleanups": len(evidence.cleanups),
            "mean_freed_tokens": {name: round(mean) for name, mean in means.items()},
        },
        expected=_expected(STRATEGIES, evidence, fmean(needed)),
    )


def _reordered(order: Sequence[str], means: Mapping[str, float]) -> list[str]:
    """Places of known strategies stay those of their class; within it the one that frees most comes first."""
    result = list(order)
    for harm in HARM:
        places = [index for index, name in enumerate(order) if name in harm and name in means]
        ranked = sorted((order[index] for index in places), key=lambda name: -means[name])
        for index, name in zip(places, ranked, strict=True):
            result[index] = name
    return result


def _strategies_needed(run: Mapping[str, int], order: Sequence[str], after: Sequence[str]) -> int:
    """How many strategies would have freed what all but the last did: more than that was needed."""
    ran = [name for name in order if name in run]
    least = sum(run[name] for name in ran[:-1]) + 1
    total = 0
    for count, name in enumerate((name for name in after if name in run), start=1):
        total += run[name]
        if total >= least:
            return count
    return len(ran)


def _budget(budget: BudgetFacts, shares: Shares) -> Suggestion | None:
    if not budget.is_critical:
        return None
    limit = (budget.limit * (100 + shares.step_points) / 100).to_integral_value()
    if limit <= budget.limit:
        return None
    after = budget.used_percent * float(budget.limit / limit)
    return Suggestion(
        kind="budget",
        subject=budget.id,
        before={"limit": str(budget.limit)},
        after={"limit": str(limit)},
        evidence={"name": budget.name, "used_percent": round(budget.used_percent, 1)},
        expected={"metric": USED, "before": round(budget.used_percent, 1), "after": round(after, 1)},
    )


def _expected(metric: str, evidence: Evidence, after: float | None) -> dict[str, Any]:
    before = metric_of(metric, evidence)
    return {
        "metric": metric,
        "before": None if before is None else round(before, 2),
        "after": None if after is None else round(after, 2),
    }


def _per_100(count: int, of: int) -> float | None:
    return 100 * count / of if of else None
