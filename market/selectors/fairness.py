"""Who got what of a plan."""

from __future__ import annotations

from typing import Any

from config.kernel.errors import NotFound
from market.domain.placement.counterfactuals import G_PER_NG
from market.domain.placement.report import fairness_report
from market.domain.plan_views import FairnessReport
from market.models import AllocationRun
from market.selectors.plan_inputs import get_plan_inputs
from market.selectors.policies import get_policy_version
from market.selectors.runs import NO_PLAN, NO_SUCH_RUN, plan_of


def get_fairness(run_id: int | None = None) -> FairnessReport:
    """The report of one run, or of the plan in force. Raises NotFound.

    A run that kept the plan before it has that plan's report.
    """
    runs = AllocationRun.objects.filter(is_current=True) if run_id is None else AllocationRun.objects.filter(pk=run_id)
    run = runs.first()
    if run is None:
        raise NotFound(NO_PLAN if run_id is None else NO_SUCH_RUN)
    plan = run if plan_of(run) == run.pk else AllocationRun.objects.filter(pk=plan_of(run)).first() or run
    inputs = get_plan_inputs(plan.pk)
    return fairness_report(
        inputs,
        run_id=run.pk,
        is_current=plan.is_current,
        policy=get_policy_version(inputs.terms_policy_id).title,
        price_of_justice=_price_of_justice(plan),
    )


def _price_of_justice(run: AllocationRun) -> dict[str, Any] | None:
    """Tokens less, and g CO2e more, than serving whoever is cheapest; None without a carbon budget."""
    price = run.record.get("price_of_justice")
    return None if price is None else {"tokens": price["tokens"], "cost_g": price["cost_ng"] * G_PER_NG}
