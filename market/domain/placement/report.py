"""Who got what of a plan, with the policy and without it, from the plan's stored parties."""

from __future__ import annotations

from typing import Any

import numpy as np

from market.domain.placement.cells import cell_words
from market.domain.placement.fairness_figures import fairness_figures, gini, jain
from market.domain.placement.plan import Party, PlanInputs
from market.domain.plan_views import FairnessIndices, FairnessReport, LevelRow, PartyRow


def fairness_report(
    inputs: PlanInputs, *, run_id: int, is_current: bool, policy: str, price_of_justice: dict[str, Any] | None
) -> FairnessReport:
    """The report of one run. `policy` names the version whose weights and floors counted."""
    return FairnessReport(
        run_id=run_id,
        made_at=inputs.made_at,
        is_current=is_current,
        kind=inputs.kind,
        policy=policy,
        parties=tuple(_row(each) for each in inputs.parties),
        with_policy=_indices(inputs, "service_tokens"),
        without_policy=_indices(inputs, "baseline_tokens"),
        floor_scale=inputs.floor_scale,
        levels=tuple(_level(inputs, each) for each in inputs.levels),
        price_of_justice=price_of_justice,
        emergencies=inputs.emergencies,
    )


def _row(party: Party) -> PartyRow:
    asked = party.asked_tokens
    return PartyRow(
        origin=party.origin,
        scored=party.scored,
        purpose=party.purpose,
        weight=party.weight,
        factors=party.factors,
        floor_tokens=party.floor_tokens,
        asked_tokens=asked,
        service_tokens=party.service_tokens,
        baseline_tokens=party.baseline_tokens,
        served_share=party.service_tokens / asked if asked else None,
        served_per_weight=party.service_tokens / party.weight if asked else None,
        baseline_share=party.baseline_tokens / asked if asked else None,
    )


def _indices(inputs: PlanInputs, served: str) -> FairnessIndices:
    asking = [each for each in inputs.parties if each.asked_tokens]
    service = np.array([getattr(each, served) for each in asking], dtype=np.int64)
    asked = np.array([each.asked_tokens for each in asking], dtype=np.int64)
    weight = np.array([each.weight for each in asking], dtype=np.float64)
    figures = fairness_figures(service_tokens=service, demand_tokens=asked, weight=weight)
    return FairnessIndices(
        minimum_share=figures.minimum_share,
        jain=jain(service / asked),
        gini=gini(service / asked),
        service_tokens=int(service.sum()),
        weighted_jain=figures.jain,
        weighted_gini=figures.gini,
    )


def _level(inputs: PlanInputs, level: dict[str, Any]) -> LevelRow:
    return LevelRow(
        level=float(level["level"]), parties=tuple(level["parties"]), bottleneck=bottleneck_words(inputs, level)
    )


def bottleneck_words(inputs: PlanInputs, level: dict[str, Any], at_most: int = 3) -> str:
    """What stopped the parties of a level, in words."""
    cells = [(int(site), int(hour)) for site, hour in level.get("cells", ())]
    if not cells:
        return _without_full_cells(inputs, level)
    named = " and ".join(f"{cell_words(inputs, site, hour)} was full" for site, hour in cells[:at_most])
    more = len(cells) - at_most
    return f"{named} and {more:,} more" if more > 0 else named


def _without_full_cells(inputs: PlanInputs, level: dict[str, Any]) -> str:
    """Where no cell that filled up held them: they have all, or the carbon budget or their own terms stopped them."""
    parties = [inputs.parties[index] for index in level["parties"]]
    if all(each.service_tokens >= each.asked_tokens for each in parties):
        return "they got all they asked for"
    if level.get("by_carbon"):
        return "the carbon budget stopped them"
    return "no more of what they asked fits: its terms leave no region and hour, or promises made before fill them"
