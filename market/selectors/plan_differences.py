"""Whether what is kept for the plan in force is what it promises to work that waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np

from budgets import selectors as budgets
from budgets.domain.escrow import NOTHING
from budgets.domain.units import COLUMN_OF, Amounts
from market.domain.placement.paying import UNITS
from market.domain.placement.promised import add_up, promised_columns
from market.models import AllocationRequest, AllocationRun, Placement, RegionHour
from market.selectors.plan_inputs import find_run_in_force, get_plan_inputs

ROWS_AT_ONCE = 100_000
COLUMNS = (
    *("request__budget", "site", "hour", "tokens", "location_g", "energy_wh", "from_fund_micro_usd"),
    *("service_micro_usd", "carbon_micro_usd", "justice_micro_usd", "renewable_micro_usd"),
)
Cell = tuple[str, str, datetime]


@dataclass(slots=True)
class _Sums:
    """What a plan promises to requests that wait and are not taken up: by cell, by budget, and of the Fund."""

    cells: Counter[tuple[int, int]] = field(default_factory=Counter)
    budgets: dict[UUID, Amounts] = field(default_factory=dict)
    from_fund_micro_usd: int = 0


def list_plan_differences() -> list[str]:
    """Planned tokens of hours, plan holds and the plan's part of the Fund that are not what it promises, in words."""
    run = find_run_in_force()
    sums = _promised(run) if run else _Sums()
    return [*_hour_differences(run, sums), *_hold_differences(sums), *_fund_differences(run, sums)]


def _promised(run: AllocationRun) -> _Sums:
    sums = _Sums()
    waiting = AllocationRequest.Status.QUEUED
    rows = Placement.objects.filter(run=run.pk, tokens__gt=0, request__status=waiting).order_by()
    found = rows.values_list(*COLUMNS).iterator(chunk_size=ROWS_AT_ONCE)
    while some := list(islice(found, ROWS_AT_ONCE)):
        _add(some, sums)
    return sums


def _add(rows: list[tuple[Any, ...]], sums: _Sums) -> None:
    budget_ids, sites, hours, *numbers = zip(*rows, strict=True)
    tokens, location_g, energy_wh, from_fund, *prices = (np.array(each) for each in numbers)
    service, carbon, justice, renewable = prices
    amounts = promised_columns(
        tokens=tokens,
        location_g=location_g,
        total_micro_usd=service + carbon + justice - renewable,
        energy_wh=energy_wh,
    )
    for site, hour, of_row in zip(sites, hours, tokens.tolist(), strict=True):
        sums.cells[site, hour] += of_row
    for budget_id, *steps in zip(budget_ids, *(each.tolist() for each in amounts), strict=True):
        before = sums.budgets.get(budget_id, NOTHING)
        taken = Amounts(**dict(zip(map(COLUMN_OF.__getitem__, UNITS), steps, strict=True)))
        sums.budgets[budget_id] = add_up([before, taken])
    sums.from_fund_micro_usd += int(from_fund.sum())


def _hour_differences(run: AllocationRun | None, sums: _Sums) -> Iterator[str]:
    promised: Counter[Cell] = Counter()
    if run and sums.cells:
        inputs = get_plan_inputs(run.pk)
        for (site_index, hour_index), tokens in sums.cells.items():
            site = inputs.sites[site_index]
            promised[site.region, site.model_class, inputs.hour_at(hour_index)] += tokens
    rows = RegionHour.objects.filter(planned_tokens__gt=0)
    kept: dict[Cell, int] = {
        (region, model_class, hour): tokens
        for region, model_class, hour, tokens in rows.values_list(
            "region", "model_class", "starts_at", "planned_tokens"
        )
    }
    for region, model_class, hour in sorted(kept.keys() | promised.keys()):
        cell = (region, model_class, hour)
        if kept.get(cell, 0) != promised[cell]:
            words = f"{region} {model_class} {hour:%Y-%m-%d %H:%M}"
            yield f"hour {words}: planned {kept.get(cell, 0)} but {promised[cell]} by the plan in force"


def _hold_differences(sums: _Sums) -> Iterator[str]:
    holds = budgets.list_plan_holds()
    for budget_id in sorted(holds.keys() | sums.budgets.keys()):
        held = holds[budget_id].amounts if budget_id in holds else NOTHING
        promised = sums.budgets.get(budget_id, NOTHING)
        if held != promised:
            yield f"budget {budget_id}: the plan hold has {held} but the plan in force promises {promised}"


def _fund_differences(run: AllocationRun | None, sums: _Sums) -> Iterator[str]:
    kept = run.fund_promised_micro_usd if run else 0
    if kept != sums.from_fund_micro_usd:
        yield f"run {run.pk if run else None}: keeps {kept} of the fund but promises {sums.from_fund_micro_usd}"
