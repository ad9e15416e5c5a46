"""Runs of the allocation pass, the plan in force and its cells."""

from __future__ import annotations

from datetime import UTC, datetime

from config.kernel.errors import NotFound
from market.domain.placement.cells import list_cells
from market.domain.plan_views import PlanGrid, RunDetail, RunRow
from market.models import AllocationRun
from market.selectors.plan_inputs import find_plan_inputs, find_run_in_force, get_plan_inputs

NO_SUCH_RUN = "There is no such run."
NO_PLAN = "No plan is in force yet: the allocation pass has not run."


def list_runs(*, limit: int = 50, before: int | None = None) -> list[RunRow]:
    """Runs, newest first; `before` is the id of the last run of the page before."""
    rows = AllocationRun.objects.order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return [run_row(each) for each in rows[:limit]]


def get_run(run_id: int) -> RunDetail:
    """One run with its record. Raises NotFound."""
    run = AllocationRun.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFound(NO_SUCH_RUN)
    return _detail(run)


def get_plan_in_force() -> RunDetail | None:
    """The run whose plan is in force; None before the first pass."""
    run = AllocationRun.objects.filter(is_current=True).first()
    return None if run is None else _detail(run)


def get_plan_grid(
    *,
    region: str | None = None,
    model_class: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> PlanGrid:
    """Cells of the plan in force; hours from `since` on and before `until`. Raises NotFound where there is no plan."""
    run = find_run_in_force()
    if run is None:
        raise NotFound(NO_PLAN)
    inputs = get_plan_inputs(run.pk)
    cells = list_cells(
        inputs, region=region, model_class=model_class, since=since, until=until, has_prices=not run.is_degraded
    )
    return PlanGrid(
        run_id=run.pk,
        made_at=inputs.made_at.astimezone(UTC),
        kind=inputs.kind,
        scope=inputs.scope,
        is_degraded=run.is_degraded,
        cells=cells,
    )


def run_row(run: AllocationRun) -> RunRow:
    """A run as a line of the list."""
    compared = run.record.get("savings") or {}
    plan_g = compared.get("plan_g")
    return RunRow(
        run_id=run.pk,
        trigger=run.trigger.partition(" by ")[0],  # not who: what runs tell is for every team
        kind=run.kind,
        state=run.state,
        is_current=run.is_current,
        is_degraded=run.is_degraded,
        started_at=run.started_at,
        finished_at=run.finished_at,
        considered=run.considered,
        granted=run.granted,
        denied=run.denied,
        waiting=run.waiting,
        solver=run.solver,
        asked_tokens=run.asked_tokens,
        planned_tokens=run.planned_tokens,
        missed_tokens=run.missed_tokens,
        planned_g=run.planned_g,
        compared_tokens=compared.get("compared_tokens"),
        compared_g=plan_g,
        reference_g=run.reference_g,
        reference_missed_tokens=run.reference_missed_tokens,
        saved_share=1 - plan_g / run.reference_g if plan_g is not None and run.reference_g else None,
        total_seconds=sum(run.seconds.values()) if run.seconds else None,
        error=run.error,
        kept_run_id=run.record.get("kept"),
    )


def plan_of(run: AllocationRun) -> int:
    """The run whose plan this is: a run that found nothing changed kept the plan before it."""
    return int(run.record.get("kept", run.pk))


def _detail(run: AllocationRun) -> RunDetail:
    inputs = find_plan_inputs([plan_of(run)]).get(plan_of(run))
    return RunDetail(
        row=run_row(run),
        fingerprint=run.fingerprint,
        seconds=run.seconds,
        bound_g=run.bound_g,
        fund_promised_micro_usd=run.fund_promised_micro_usd,
        first_hour=inputs.first_hour if inputs else None,
        hour_count=inputs.hour_count if inputs else None,
        record=run.record,
    )
