"""Completing a plan: its inputs as they are stored, and the columns of its run's row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np

from market.domain.placement.fairness_figures import fairness_figures, price_of_justice, served_without_policy
from market.domain.placement.figures import Placed
from market.domain.placement.plan import PlanInputs
from market.domain.placement.problem import FairService, Ints, SolverFailed, WaterLevel
from market.domain.placement.reference import Savings, compare, run_at_home
from market.services.passes.bounded import solve_bounded
from market.services.passes.planning import Plan, with_services
from market.services.passes.recording import counts_of, misses_of, partial_of, totals_of

JUSTICE_SECONDS = 30.0
JUSTICE_STEPS = 3
"""How long each of its solves may take, and how many there are."""


def complete(plan: Plan) -> PlanInputs:
    """The inputs with what came of them: services, water levels, tokens and prices of every hour."""
    draft, solved = plan.setting.draft, plan.solved
    shape = draft.arrays["capacity_tokens"].shape
    arrays = {
        **draft.arrays,
        "planned_tokens": plan.drawing.tokens_of_cells((shape[0], shape[1])),
        "drawn_tokens": plan.drawing.drawn_tokens_of_cells((shape[0], shape[1])),
        "hour_price_ng_per_token": solved.flow.hour_price,
    }
    return replace(
        draft,
        parties=with_services(plan, baseline=_baseline(plan)),
        levels=_levels(solved.fair) if solved.fair else (),
        floor_scale=solved.fair.floor_scale if solved.fair else 1.0,
        arrays=arrays,
    )


def savings_of(plan: Plan) -> Savings:
    """The plan beside "run now at home", for the tokens that both serve."""
    setting, drawing = plan.setting, plan.drawing
    draft, eligibility = setting.draft, setting.eligibility
    reference = run_at_home(
        draft,
        setting.columns,
        first_hour=eligibility.first_hour,
        last_hour=eligibility.last_hour,
        room_tokens=np.maximum(draft.arrays["capacity_tokens"] - draft.arrays["promised_tokens"], 0),
    )
    counts, placed = drawing.in_force, drawing.placed
    return compare(
        draft,
        setting.columns,
        planned=Placed(**{name: getattr(placed, name)[counts] for name in ("request", "site", "hour", "tokens")}),
        reference=reference,
        eligibility=eligibility,
        terms=setting.gathered.terms,
    )


def closing_of(
    plan: Plan,
    savings: Savings,
    fairness: Mapping[str, Any],
    *,
    fingerprint: str,
    later: int,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Columns of the run's row, as the plan stands now; savings as they were drawn."""
    drawing = plan.drawing
    return {
        **counts_of(drawing, later=later),
        **totals_of(plan),
        "reference_g": savings.reference_g,
        "bound_g": savings.bound_g,
        "reference_missed_tokens": savings.reference_missed_tokens,
        "fingerprint": fingerprint,
        "solver": plan.solved.flow.solver[:60],
        "is_degraded": bool(plan.trouble),
        "error": plan.trouble[:300],
        "seconds": dict(seconds),
        "record": {
            **fairness,
            "savings": asdict(savings),
            "misses": misses_of(drawing),
            "partial": partial_of(drawing),
            "objective_ng": plan.solved.flow.objective,
            "rounded_ng": plan.solved.assignment.rounded_cost,
            "carbon_budget_ng": plan.setting.carbon_budget_ng,
        },
    }


def _baseline(plan: Plan) -> Ints:
    """Tokens of each party first come, first served. Requests are in the order in which they came."""
    case = plan.solved.case
    order = np.arange(len(case.chosen))
    return served_without_policy(case.problem, case.requests, order, party_count=len(plan.setting.draft.parties))


def fairness_of(plan: Plan, inputs: PlanInputs, *, keep: Callable[[], object]) -> dict[str, Any]:
    """How even the plan serves its parties beside first come, first served; under a carbon budget what that costs.

    `keep` is called now and then while that is solved.
    """
    asked = np.array([each.asked_tokens for each in inputs.parties], dtype=np.int64)
    weight = np.array([each.weight for each in inputs.parties], dtype=np.float64)
    found: dict[str, Any] = {}
    for name in ("service", "baseline"):
        tokens = np.array([getattr(each, f"{name}_tokens") for each in inputs.parties], dtype=np.int64)
        figures = fairness_figures(service_tokens=tokens, demand_tokens=asked, weight=weight)
        found[name] = {key: getattr(figures, key) for key in ("minimum_share", "jain", "gini")}
    return {"fairness": found, "price_of_justice": _price_of_justice(plan, keep)}


def _price_of_justice(plan: Plan, keep: Callable[[], object]) -> dict[str, int] | None:
    fair, budget = plan.solved.fair, plan.setting.carbon_budget_ng
    if fair is None or budget is None:
        return None
    problem = plan.solved.case.with_headroom
    call = partial(price_of_justice, problem, fair.service_tokens, carbon_budget=budget, seconds=JUSTICE_SECONDS)
    try:
        price = solve_bounded(call, problem, seconds=JUSTICE_SECONDS * JUSTICE_STEPS, meanwhile=keep)
    except SolverFailed:
        return None  # it is a figure to show, and no reason to do without the plan
    return {"tokens": price.tokens, "cost_ng": price.cost}


def _levels(fair: FairService) -> tuple[dict[str, Any], ...]:
    return tuple(_plain(each, by_carbon=fair.stopped_by_carbon and not each.cells) for each in fair.levels)


def _plain(level: WaterLevel, *, by_carbon: bool) -> dict[str, Any]:
    return {
        "level": level.level,
        "parties": list(level.parties),
        "cells": [[int(site), int(hour)] for site, hour in level.cells],
        "by_carbon": by_carbon,
    }
