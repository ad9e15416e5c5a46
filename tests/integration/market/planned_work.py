"""Work that can wait, passes over it, and how it stands: shared by the tests of passes."""

from __future__ import annotations

from datetime import timedelta

from accounts.domain.principal import Principal
from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences
from climate.models import RegionCapacity
from market.domain.asks import Ask
from market.models import AllocationRequest, AllocationRun, Fund, Placement, RegionHour
from market.selectors import list_fund_differences
from market.selectors.planned import Standing, list_standings
from market.services import PassResult, run_allocation_pass, submit
from tests.integration.world import NOW

LATER = NOW + timedelta(hours=12)
LAST_MINUTE = LATER - timedelta(minutes=1)
ASK = {"purpose": "general_ai_research", "origin": "DE", "model_class": "L", "tokens": 1000, "latest": LATER}


def ask(principal: Principal, *, now=NOW, **changes) -> AllocationRequest:
    """A request, by default of 1,000 tokens within twelve hours."""
    return submit(ask=Ask(**{**ASK, **changes}), principal=principal, now=now).decision.request


def run(now=NOW, **changes) -> PassResult:
    """One pass."""
    return run_allocation_pass(now=now, trigger="test", actor="test", **changes)


def standing(request: AllocationRequest) -> Standing:
    """How it stands now, by its own status or by the plan in force."""
    request.refresh_from_db()
    return list_standings([request.decisions.latest("sequence")])[request.pk]


def only_room(tokens: int, *regions: str, model_class: str = "L") -> None:
    """Room for so many tokens an hour in these regions, and none anywhere else."""
    capacities = RegionCapacity.objects.filter(model_class=model_class)
    capacities.update(tokens_per_hour=0)
    capacities.filter(region__in=regions or ("aws-eu-north-1",)).update(tokens_per_hour=tokens)


def plan_in_force() -> AllocationRun | None:
    """The run whose plan is in force."""
    return AllocationRun.objects.filter(is_current=True).first()


def plan_differences() -> list[str]:
    """Everything in which hours, holds, Fund and budgets are not what the rows of the plan in force add up to."""
    found = [*list_ledger_differences(), *list_fund_differences()]
    rows = list(Placement.objects.filter(run=plan_in_force(), request__status="queued").exclude(verdict=0))
    payers = dict(AllocationRequest.objects.filter(pk__in=[row.request_id for row in rows]).values_list("pk", "budget"))
    by_budget: dict[object, int] = {}
    for row in rows:
        by_budget[payers[row.request_id]] = by_budget.get(payers[row.request_id], 0) + row.tokens
    held = {
        hold.budget_id: hold.tokens for hold in Hold.objects.filter(reference__startswith="plan:", status="reserved")
    }
    if held != by_budget:
        found.append(f"plan holds have {held}, planned is {by_budget}")
    planned = sum(RegionHour.objects.values_list("planned_tokens", flat=True))
    if planned != sum(row.tokens for row in rows):
        found.append(f"hours keep {planned} tokens, planned are {sum(row.tokens for row in rows)}")
    fund, run_ = Fund.objects.first(), plan_in_force()
    if fund and run_ and run_.fund_promised_micro_usd != sum(row.from_fund_micro_usd for row in rows):
        found.append(f"the Fund keeps {run_.fund_promised_micro_usd} for the plan")
    return found


def reserved(budget_id) -> int:
    """What a budget keeps."""
    return Budget.objects.get(pk=budget_id).reserved
