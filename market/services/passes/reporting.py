"""Completing a plan: its inputs as they are stored, and the columns of its run's row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from market.domain.placement.figures import Placed
from market.domain.placement.plan import PlanInputs
from market.domain.placement.problem import Ints, WaterLevel
from market.domain.placement.reference import Savings, compare, run_at_home
from market.services.passes.planning import Plan, with_services
from market.services.passes.recording import counts_of, misses_of, partial_of, totals_of


def complete(plan: Plan) -> PlanInputs:
    """The inputs with what came of them: services, water levels, tokens and prices of every hour."""
    draft, solved = plan.setting.draft, plan.solved
    shape = draft.arrays["capacity_tokens"].shape
    arrays = {
        **draft.arrays,
        "planned_tokens": plan.drawing.tokens_of_cells((shape[0], shape[1])),
        "hour_price_ng_per_token": solved.flow.hour_price,
    }
    return replace(
        draft,
        parties=with_services(plan, baseline=_baseline(plan)),
        levels=tuple(_plain(each) for each in solved.fair.levels) if solved.fair else (),
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
    plan: Plan, savings: Savings, *, fingerprint: str, later: int, seconds: Mapping[str, float]
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
            "savings": asdict(savings),
            "misses": misses_of(drawing),
            "partial": partial_of(drawing),
            "objective_ng": plan.solved.flow.objective,
            "rounded_ng": plan.solved.assignment.rounded_cost,
            "carbon_budget_ng": plan.setting.carbon_budget_ng,
        },
    }


def _baseline(plan: Plan) -> Ints:
    """Tokens of each party first come, first served."""
    return np.zeros(len(plan.setting.draft.parties), dtype=np.int64)


def _plain(level: WaterLevel) -> dict[str, Any]:
    return {
        "level": level.level,
        "parties": list(level.parties),
        "cells": [[int(site), int(hour)] for site, hour in level.cells],
    }
