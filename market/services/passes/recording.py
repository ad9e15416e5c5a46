"""What a run says about itself: a fingerprint of all it was made from, and what it came to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market.domain.placement.plan import HOUR, WaitingReason
from market.domain.placement.problem import Ints
from market.services.passes.drawing import Drawing
from market.services.passes.planning import Plan, Setting

MADE_FROM = (
    *("intensity_g_per_kwh", "low_g_per_kwh", "high_g_per_kwh", "renewable_share", "carbon_free_share", "basis"),
    *("capacity_tokens", "promised_tokens", "kept_tokens", "cost_ng_per_token"),
)
COLUMNS = (
    *("ids", "tokens", "input_tokens", "earliest_us", "latest_us", "created_us", "price_cap_micro_usd"),
    *("may_split", "kind", "budget"),
)


def fingerprint_of(setting: Setting) -> str:
    """SHA-256 of everything that a plan depends on but the moment: the same figures make the same plan.

    A plan of nothing is the same in every hour, so that an idle deployment stores nothing.
    """
    digest = hashlib.sha256()
    draft, columns = setting.draft, setting.columns
    facts = {
        "first_hour": draft.first_hour.isoformat() if len(columns) else None,
        "sites": [asdict(each) for each in draft.sites],
        "parties": [asdict(each) for each in draft.parties],
        "kinds": [asdict(each) for each in columns.kinds],
        "budgets": [str(each) for each in columns.budgets],
        "purses": asdict(setting.purses),
        "reach": draft.reach_km,
        "mean_need_score": draft.mean_need_score,
        "fund": draft.fund_available_micro_usd,
        "terms": draft.terms_policy_id,
        "carbon_budget_ng": setting.carbon_budget_ng,
    }
    digest.update(json.dumps(facts, sort_keys=True).encode())
    for name in MADE_FROM:
        _add(digest, draft.arrays[name])
    for name in COLUMNS:
        _add(digest, getattr(columns, name))
    return digest.hexdigest()


def _add(digest: Any, array: NDArray[Any]) -> None:
    digest.update(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data if array.size else b"")


def counts_of(drawing: Drawing, *, later: int) -> dict[str, int]:
    """How many requests are placed, whole or in part, and how many wait."""
    granted = int(np.count_nonzero(drawing.tokens_of_requests()))
    considered = int(np.count_nonzero(~drawing.is_gone)) + later
    return {"considered": considered, "granted": granted, "waiting": considered - granted}


def totals_of(plan: Plan) -> dict[str, Any]:
    """Tokens and grams of what is placed. Missed is what is due within the plan and not placed."""
    drawing = plan.drawing
    tokens, asked = drawing.tokens_of_requests(), _asked(drawing)
    due = _is_due(plan.setting)
    return {
        "asked_tokens": int(asked.sum()),
        "planned_tokens": int(tokens.sum()),
        "missed_tokens": int((asked - tokens)[due].sum()),
        "planned_g": float(drawing.figures.location_g[drawing.in_force].sum()),
    }


def misses_of(drawing: Drawing) -> dict[str, dict[str, int]]:
    """Requests and tokens that are not placed, by reason."""
    missed = _asked(drawing) - drawing.tokens_of_requests()
    found = {}
    for reason in WaitingReason:
        here = (drawing.reason == reason) & (missed > 0)
        if here.any():
            found[reason.name.lower()] = {"requests": int(here.sum()), "tokens": int(missed[here].sum())}
    return found


def partial_of(drawing: Drawing) -> int:
    """Requests that are placed in part."""
    tokens = drawing.tokens_of_requests()
    return int(np.count_nonzero((tokens > 0) & (tokens < drawing.columns.tokens)))


def _asked(drawing: Drawing) -> Ints:
    """Tokens that each request asks for [N], nothing where it is gone."""
    return np.where(drawing.is_gone, 0, drawing.columns.tokens)


def _is_due(setting: Setting) -> NDArray[np.bool_]:
    end_us = int((setting.draft.first_hour + setting.draft.hour_count * HOUR).timestamp()) * 1_000_000
    due: NDArray[np.bool_] = setting.columns.latest_us < end_us
    return due
