"""Putting a plan in force, in one transaction: either all of it is, or the plan before stays as it was.

The rows are written first, while nobody waits. Then the plan in force is this pass' own until the
commit: what was withdrawn meanwhile counts no more, hours, Fund and budgets are locked in the order
that everybody keeps, and what one of them cannot carry any more is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from budgets import selectors as budget_reads
from budgets import services as budgets
from budgets.domain.escrow import NOTHING
from budgets.domain.resizing import HoldTarget, plan_reference
from budgets.domain.units import COLUMN_OF, Amounts
from climate.domain.ladder import HOUR
from config.kernel.events import publish
from config.kernel.transactions import in_transaction
from market.domain.placement.paying import UNITS, totals
from market.domain.placement.plan import PlacementVerdict, PlanInputs
from market.domain.placement.problem import Flags, Indices, Ints
from market.events import PlanChanged
from market.models import AllocationRequest, AllocationRun, Placement, RegionHour, RunInputs
from market.services.capacity import Cell, lock_cells
from market.services.fund import lock_fund, move_plan_promise
from market.services.passes import lease
from market.services.passes.drawing import Drawing, rows_of
from market.services.passes.rows import let_wait, write_rows
from market.services.passes.shaving import fit_budget, fit_cells, fit_fund
from market.services.plan_lock import own_plan

PLANNER = "allocation pass"
MOST_TRIES = 5
BEYOND_THE_PLAN = timedelta(days=1)
"""How long a plan hold lasts if no pass comes after: every pass sets it anew."""
IDS_AT_ONCE = 5000


def put_in_force(
    run: AllocationRun, drawing: Drawing, inputs: PlanInputs, *, closing: Callable[[], dict[str, Any]], now: datetime
) -> None:
    """Store the plan and let it take the place of the one before. Raises Conflict if another pass took over.

    `closing` says what the run's row is to have once it is known what fits.
    """
    as_drawn = (drawing.reason.copy(), drawing.is_out.copy())

    def work() -> None:
        drawing.reason[:], drawing.is_out[:] = as_drawn  # an earlier try may have left some out
        _put_in_force(run, drawing, inputs, now=now)
        _close(run, closing(), is_current=True, now=now)
        publish(PlanChanged(run_id=run.pk, kind=run.kind, at=now))

    in_transaction(work)


def store_drill(
    run: AllocationRun, drawing: Drawing, inputs: PlanInputs, *, closing: Callable[[], dict[str, Any]], now: datetime
) -> None:
    """Store a plan that is never in force. Raises Conflict if another pass took over."""

    def work() -> None:
        _write(run, drawing, inputs)
        lease.lock(run)
        _close(run, closing(), is_current=False, now=now)

    in_transaction(work)


def keep_plan(run: AllocationRun, *, closing: dict[str, Any], now: datetime) -> None:
    """Close a run that found nothing to change. Raises Conflict if another pass took over."""

    def work() -> None:
        lease.lock(run)
        _close(run, closing, is_current=False, now=now)

    in_transaction(work)


def _put_in_force(run: AllocationRun, drawing: Drawing, inputs: PlanInputs, *, now: datetime) -> None:
    _write(run, drawing, inputs)
    before = own_plan()
    lease.lock(run)
    was_out = drawing.is_out.copy()
    drawing.is_gone = _withdrawn(run, drawing)
    drawing.is_out |= drawing.is_gone
    rows = _locked_hours(drawing, inputs)
    fit_cells(drawing, _room(rows, inputs))
    fit_fund(drawing, lock_fund() + (before.fund_promised_micro_usd if before else 0))
    _hold(drawing, inputs, now=now)
    _keep_hours(rows, drawing, inputs)
    _keep_fund(run, before, drawing, now=now)
    _take_out(run, drawing, np.flatnonzero(drawing.is_out & ~was_out & ~drawing.is_gone))
    if before:
        AllocationRun.objects.filter(pk=before.pk).update(is_current=False)


def _close(run: AllocationRun, values: dict[str, Any], *, is_current: bool, now: datetime) -> None:
    state = AllocationRun.State.FINISHED
    AllocationRun.objects.filter(pk=run.pk).update(state=state, is_current=is_current, finished_at=now, **values)


def _write(run: AllocationRun, drawing: Drawing, inputs: PlanInputs) -> None:
    write_rows(rows_of(drawing), run_id=run.pk)
    RunInputs.objects.create(run=run, body=inputs.to_bytes())


def _withdrawn(run: AllocationRun, drawing: Drawing) -> Flags:
    """Placed requests that wait no more: cancelled or taken up since they were loaded [N]."""
    rows = Placement.objects.filter(run=run, part=0).exclude(verdict=PlacementVerdict.WAITING)
    gone = rows.exclude(request__status=AllocationRequest.Status.QUEUED).values_list("request_id", flat=True)
    ids = np.array([np.frombuffer(each.bytes, dtype=np.uint64) for each in gone], dtype=np.uint64).reshape(-1, 2)
    flags = np.zeros(len(drawing.columns), dtype=np.bool_)
    if len(ids):
        halves = np.ascontiguousarray(drawing.columns.ids).view(np.uint64)
        wanted = {(int(high), int(low)) for high, low in ids}
        for index in np.flatnonzero(np.isin(halves[:, 1], ids[:, 1])).tolist():
            flags[index] = (int(halves[index, 0]), int(halves[index, 1])) in wanted
    return flags


def _cells(inputs: PlanInputs) -> dict[Cell, tuple[int, int]]:
    return {
        (site.region, site.model_class, inputs.first_hour + hour * HOUR): (index, hour)
        for index, site in enumerate(inputs.sites)
        for hour in range(inputs.hour_count)
    }


def _locked_hours(drawing: Drawing, inputs: PlanInputs) -> dict[Cell, RegionHour]:
    """Every hour that the plan before or this one uses."""
    planned = drawing.tokens_of_cells((len(inputs.sites), inputs.hour_count))
    capacity = inputs.arrays["capacity_tokens"]
    used = {cell: place for cell, place in _cells(inputs).items() if planned[place]}
    old = RegionHour.objects.filter(planned_tokens__gt=0).values_list("region_id", "model_class", "starts_at")
    there = set(RegionHour.objects.filter(starts_at__gte=inputs.first_hour).values_list(*_KEY)) if used else set()
    new = [
        RegionHour(**dict(zip(_KEY, cell, strict=True)), capacity_tokens=int(capacity[place]))
        for cell, place in sorted(used.items())
        if cell not in there
    ]
    RegionHour.objects.bulk_create(new, ignore_conflicts=True)
    return lock_cells({*used, *old})


_KEY = ("region_id", "model_class", "starts_at")


def _room(rows: dict[Cell, RegionHour], inputs: PlanInputs) -> Ints:
    """What may be planned in each site and hour: the capacity that the plan counts on, less what is promised now."""
    capacity: Ints = inputs.arrays["capacity_tokens"]
    room = capacity - inputs.arrays["promised_tokens"]
    cells = _cells(inputs)
    for cell, row in rows.items():
        if cell in cells:
            room[cells[cell]] = capacity[cells[cell]] - row.promised_tokens
    left: Ints = np.maximum(room, 0)
    return left


def _hold(drawing: Drawing, inputs: PlanInputs, *, now: datetime) -> None:
    """One hold for each budget that pays, of exactly what the plan takes of it; what it cannot pay is left out."""
    lasts = inputs.hour_at(inputs.hour_count) + BEYOND_THE_PLAN
    held = [each for each in budget_reads.list_plan_holds() if each not in drawing.columns.budgets]
    for tries in range(1, MOST_TRIES + 1):
        targets = [_target(each, NOTHING, lasts) for each in held]
        for index, amounts in _takes(drawing):
            targets.append(_target(drawing.columns.budgets[index], amounts, lasts))
        refused = budgets.resize_holds(targets, actor=PLANNER, now=now).refused
        if not refused:
            return
        for index, budget_id in enumerate(drawing.columns.budgets):
            if why := refused.get(plan_reference(budget_id)):
                is_last = tries == MOST_TRIES - 1 or why.budget_id is None
                unit = 0 if is_last else UNITS.index(why.unit)
                excess = 2**62 if is_last else why.needed - why.remaining
                fit_budget(drawing, index, unit=unit, excess=excess)


def _takes(drawing: Drawing) -> list[tuple[int, Amounts]]:
    """What the plan takes of each budget, those of the weightiest work first."""
    counts = drawing.in_force
    budget = drawing.columns.budget[drawing.placed.request[counts]]
    sums = totals(
        budget=budget,
        amounts=[each[counts] for each in drawing.amounts],
        budget_count=len(drawing.columns.budgets),
    )
    first_use = {index: place for place, index in reversed(list(enumerate(_first_uses(budget))))}
    order = sorted(range(len(drawing.columns.budgets)), key=lambda index: first_use.get(index, len(first_use)))
    by_column = dict(zip(map(COLUMN_OF.__getitem__, UNITS), sums, strict=True))
    return [(index, Amounts(**{column: of[index] for column, of in by_column.items()})) for index in order]


def _first_uses(budget: Indices) -> list[int]:
    different, first = np.unique(budget, return_index=True)
    return [int(each) for each in different[np.argsort(first)]]


def _target(budget_id: UUID, amounts: Amounts, lasts: datetime) -> HoldTarget:
    return HoldTarget(
        reference=plan_reference(budget_id),
        budget_id=budget_id,
        amounts=amounts,
        lease_expires_at=lasts,
    )


def _keep_hours(rows: dict[Cell, RegionHour], drawing: Drawing, inputs: PlanInputs) -> None:
    planned = drawing.tokens_of_cells((len(inputs.sites), inputs.hour_count))
    cells, changed = _cells(inputs), []
    for cell, row in rows.items():
        place = cells.get(cell)
        tokens = int(planned[place]) if place else 0
        capacity = int(inputs.arrays["capacity_tokens"][place]) if place else row.capacity_tokens
        capacity = max(capacity, row.promised_tokens + tokens)  # less than is promised already: nothing more fits
        if (row.planned_tokens, row.capacity_tokens) != (tokens, capacity):
            row.planned_tokens, row.capacity_tokens = tokens, capacity
            changed.append(row)
    RegionHour.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["region", "model_class", "starts_at"],
        update_fields=["planned_tokens", "capacity_tokens"],
    )


def _keep_fund(run: AllocationRun, before: AllocationRun | None, drawing: Drawing, *, now: datetime) -> None:
    promised = int(drawing.figures.from_fund_micro_usd[drawing.in_force].sum())
    if before:
        freed = before.fund_promised_micro_usd
        move_plan_promise(before, micro_usd=-freed, reason="another plan", actor=PLANNER, now=now)
    move_plan_promise(run, micro_usd=promised, reason="discounts planned", actor=PLANNER, now=now)


def _take_out(run: AllocationRun, drawing: Drawing, requests: Ints) -> None:
    """Turn the rows of what did not fit any more into rows that wait."""
    for reason in np.unique(drawing.reason[requests]).tolist():
        chosen = requests[drawing.reason[requests] == reason]
        for ids in _chunks([UUID(bytes=drawing.columns.ids[index].tobytes()) for index in chosen]):
            let_wait(ids, run_id=run.pk, reason=reason)


def _chunks(ids: list[UUID]) -> Iterable[list[UUID]]:
    return (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE))
