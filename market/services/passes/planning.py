"""One plan, from what was gathered to every placement with its figures. Reads nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from budgets.domain.units import Unit
from market.domain.placement.columns import UNKNOWN, RequestColumns
from market.domain.placement.eligibility import Eligibility, eligibility_of
from market.domain.placement.expected import ExpectedWork
from market.domain.placement.figures import Placed, figures_of
from market.domain.placement.paying import UNITS, Purses, payable
from market.domain.placement.plan import Party, PlanInputs, WaitingReason
from market.domain.placement.problem import Assignment, Flags, Ints, SolverFailed
from market.domain.placement.promised import promised_columns
from market.services.passes.drawing import Drawing
from market.services.passes.expecting import room_to_keep, with_expected, without_expected
from market.services.passes.gather import Gathered
from market.services.passes.solving import Solved, case_of, free_room, solve
from market.services.passes.stages import Stages
from market.services.passes.weighing import in_turn, parties_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What stays the same while a plan is drawn, and drawn again. `draft` knows its parties."""

    gathered: Gathered
    draft: PlanInputs
    columns: RequestColumns
    eligibility: Eligibility
    rank: Ints
    order: Ints
    purses: Purses
    carbon_budget_ng: int | None
    trouble: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`solved` has the requests that a budget can pay; what is placed in the end is in the drawing."""

    setting: Setting
    solved: Solved
    drawing: Drawing

    @property
    def trouble(self) -> str:
        """Why this is not the best plan there is; empty where it is."""
        return "; ".join(each for each in (self.setting.trouble, self.solved.trouble) if each)


def set_up(
    gathered: Gathered,
    columns: RequestColumns,
    *,
    work: ExpectedWork,
    purses: Purses,
    carbon_budget_ng: int | None,
    keep: Callable[[], object],
) -> Setting:
    """Who may run where, who counts how much, and the room kept for what is expected.

    `keep` is called now and then while that is solved.
    """
    extended = with_expected(columns, work, policy_id=gathered.draft.terms_policy_id)
    both = eligibility_of(gathered.draft, extended, terms=gathered.terms, countries=gathered.countries)
    eligibility = without_expected(both, len(columns))
    free = int(free_room(gathered.draft).sum())
    parties = parties_of(gathered, eligibility.parties, free_tokens=free)
    order, rank = in_turn(parties, eligibility.party, count=len(columns))
    draft = replace(gathered.draft, parties=parties, caps_are_rounded=eligibility.caps_are_rounded)
    trouble = ""
    if len(work.kinds):
        everybody = np.flatnonzero(eligibility.can_be_served)
        case = case_of(draft, columns, eligibility, parties, chosen=everybody, rank=rank)
        try:
            kept = room_to_keep(case.problem, work, both, gathered.plan_terms.allocation, keep=keep)
            draft = replace(draft, arrays={**draft.arrays, "kept_tokens": kept})
        except SolverFailed as failed:
            trouble = f"no room is kept for expected work: {failed}"
    return Setting(
        gathered=gathered,
        draft=draft,
        columns=columns,
        eligibility=eligibility,
        rank=rank,
        order=order,
        purses=purses,
        carbon_budget_ng=carbon_budget_ng,
        trouble=trouble,
    )


def make_plan(setting: Setting, *, stages: Stages) -> Plan:
    """Solve, price, and see what budgets pay in all units; solve once more without what they do not pay."""
    eligible = np.flatnonzero(setting.eligibility.can_be_served)
    chosen = eligible[_paid(setting, eligible, {Unit.TOKENS: setting.columns.tokens})]
    solved = _solved(setting, chosen, stages)
    stages.begin("figures")
    drawing = _drawn(setting, solved, chosen)
    unpaid = _unpaid(setting, drawing)
    if len(unpaid):
        chosen = np.setdiff1d(chosen, unpaid)
        solved = _solved(setting, chosen, stages)
        stages.begin("figures")
        drawing = _drawn(setting, solved, chosen)
        drawing.leave_out(_unpaid(setting, drawing), WaitingReason.BUDGET)
    return Plan(setting=setting, solved=solved, drawing=drawing)


def _solved(setting: Setting, chosen: Ints, stages: Stages) -> Solved:
    case = case_of(
        setting.draft, setting.columns, setting.eligibility, setting.draft.parties, chosen=chosen, rank=setting.rank
    )
    return solve(case, carbon_budget_ng=setting.carbon_budget_ng, stages=stages)


def _paid(setting: Setting, chosen: Ints, amounts: Mapping[Unit, Ints]) -> Flags:
    """Which of the chosen requests their budgets can pay, whoever goes first first."""
    nothing = np.zeros(len(chosen), dtype=np.int64)
    return payable(
        budget=setting.columns.budget[chosen],
        amounts=[amounts[unit][chosen] if unit in amounts else nothing for unit in UNITS],
        order=np.argsort(setting.rank[chosen], kind="stable"),
        purses=setting.purses,
    )


def _drawn(setting: Setting, solved: Solved, chosen: Ints) -> Drawing:
    placed = _in_turn(solved.assignment, chosen, setting.rank)
    gathered = setting.gathered
    figures = figures_of(
        setting.draft,
        setting.columns,
        placed,
        terms=gathered.terms,
        countries=gathered.countries,
        fund_available_micro_usd=setting.draft.fund_available_micro_usd,
    )
    drawing = Drawing(
        columns=setting.columns,
        eligibility=setting.eligibility,
        rank=setting.rank,
        placed=placed,
        figures=figures,
        amounts=promised_columns(
            tokens=placed.tokens,
            location_g=figures.location_g,
            total_micro_usd=figures.total_micro_usd,
            energy_wh=figures.energy_wh,
        ),
        reason=np.zeros(len(setting.columns), dtype=np.int16),
        is_out=np.zeros(len(setting.columns), dtype=np.bool_),
        is_gone=np.zeros(len(setting.columns), dtype=np.bool_),
    )
    drawing.reason[:] = _reasons(setting, solved, chosen, drawing.tokens_of_requests())
    drawing.leave_out(_above_cap(setting, drawing), WaitingReason.FUND)
    return drawing


def _in_turn(assignment: Assignment, chosen: Ints, rank: Ints) -> Placed:
    """Placements in the order of who goes first, in rows of all that wait; a place filled in two goes is one."""
    request = chosen[assignment.request]
    order = np.lexsort((assignment.site, assignment.hour, rank[request]))
    return Placed(
        request=request[order].astype(np.int32),
        site=assignment.site[order].astype(np.int32),
        hour=assignment.hour[order].astype(np.int32),
        tokens=assignment.tokens[order],
    )


def _reasons(setting: Setting, solved: Solved, chosen: Ints, tokens: Ints) -> NDArray[np.int16]:
    """Why each request is not placed, or not whole [N]."""
    reason = np.full(len(setting.columns), WaitingReason.BUDGET, dtype=np.int16)
    reason[~setting.eligibility.can_be_served] = WaitingReason.NOT_ELIGIBLE
    reason[chosen] = WaitingReason.FULL
    if solved.fair is not None and solved.fair.stopped_by_carbon:
        last = max(solved.fair.levels, key=lambda each: each.level, default=None)
        stopped = np.isin(setting.eligibility.party[chosen], last.parties if last else ())
        reason[chosen[stopped]] = WaitingReason.CARBON_BUDGET
    reason[tokens >= setting.columns.tokens] = WaitingReason.NONE
    return reason


def _above_cap(setting: Setting, drawing: Drawing) -> Ints:
    """Requests whose price is above their cap now that the Fund pays less than the posted price counts on."""
    total = np.zeros(len(setting.columns), dtype=np.int64)
    np.add.at(total, drawing.placed.request, drawing.figures.total_micro_usd)
    cap = setting.columns.price_cap_micro_usd
    return np.flatnonzero((cap != UNKNOWN) & (total > cap))


def _unpaid(setting: Setting, drawing: Drawing) -> Ints:
    """Placed requests that their budgets cannot pay in all units together."""
    placed = np.unique(drawing.placed.request[drawing.in_force]).astype(np.int64)
    amounts = dict(zip(UNITS, drawing.amounts_of_requests(), strict=True))
    return placed[~_paid(setting, placed, amounts)]


def with_services(plan: Plan, *, baseline: Ints) -> tuple[Party, ...]:
    """Parties with what they asked, get, and would get without any policy."""
    party, count = plan.setting.eligibility.party, len(plan.setting.draft.parties)
    asked, service = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    np.add.at(asked, party, plan.setting.columns.tokens)
    np.add.at(service, party, plan.drawing.tokens_of_requests())
    return tuple(
        replace(each, asked_tokens=int(of[0]), service_tokens=int(of[1]), baseline_tokens=int(of[2]))
        for each, of in zip(plan.setting.draft.parties, zip(asked, service, baseline, strict=True), strict=True)
    )
