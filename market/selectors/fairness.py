"""Who got what of a plan."""

from __future__ import annotations

from config.kernel.errors import NotFound
from market.domain.placement.report import fairness_report
from market.domain.plan_views import FairnessReport
from market.models import AllocationRun
from market.selectors.plan_inputs import get_plan_inputs
from market.selectors.runs import NO_PLAN, NO_SUCH_RUN, plan_of


def get_fairness(run_id: int | None = None) -> FairnessReport:
    """The report of one run, or of the plan in force. Raises NotFound."""
    runs = AllocationRun.objects.filter(is_current=True) if run_id is None else AllocationRun.objects.filter(pk=run_id)
    run = runs.first()
    if run is None:
        raise NotFound(NO_PLAN if run_id is None else NO_SUCH_RUN)
    return fairness_report(
        get_plan_inputs(plan_of(run)),
        run_id=run.pk,
        is_current=run.is_current,
        price_of_justice=run.record.get("price_of_justice"),
    )
