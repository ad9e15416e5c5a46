"""What the plan in force keeps for requests that wait: its rows, its room in hours, its promises of money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from budgets.domain.units import Amounts
from market.domain.placement.plan import PlanInputs
from market.domain.placement.promised import add_up, promised_amounts
from market.models import AllocationRequest, AllocationRun, Placement
from market.selectors.plan_inputs import get_plan_inputs
from market.services.capacity import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Where the plan in force puts one request: its rows with tokens, by part, and the cells that they are in."""

    request: AllocationRequest
    rows: tuple[Placement, ...]
    cells: tuple[Cell, ...]

    @property
    def amounts(self) -> Amounts:
        """What the plan hold keeps for it."""
        return add_up(amounts_of_row(row) for row in self.rows)

    @property
    def total_micro_usd(self) -> int:
        """What it costs."""
        return sum(total_of_row(row) for row in self.rows)

    @property
    def from_fund_micro_usd(self) -> int:
        """What the plan keeps of the Fund for it."""
        return sum(row.from_fund_micro_usd for row in self.rows)


def planned_of(requests: Collection[AllocationRequest], run: AllocationRun | None) -> dict[UUID, Planned]:
    """These requests as the run places them; one that it does not place is left out."""
    rows: dict[UUID, list[Placement]] = defaultdict(list)
    if run is None:
        return {}
    ids = [request.pk for request in requests]
    for row in Placement.objects.filter(run=run.pk, request__in=ids, tokens__gt=0).order_by("request_id", "part"):
        rows[row.request_id].append(row)
    if not rows:
        return {}
    inputs = get_plan_inputs(run.pk)
    return {
        request.pk: Planned(
            request=request,
            rows=tuple(rows[request.pk]),
            cells=tuple(cell_of_row(inputs, row) for row in rows[request.pk]),
        )
        for request in requests
        if request.pk in rows
    }


def cell_of_row(inputs: PlanInputs, row: Placement) -> Cell:
    """Region, model class and hour of a row."""
    site = inputs.sites[row.site]
    return site.region, site.model_class, inputs.hour_at(row.hour)


def amounts_of_row(row: Placement) -> Amounts:
    """What a row takes from its budget."""
    return promised_amounts(
        tokens=row.tokens,
        location_g=row.location_g,
        total_micro_usd=total_of_row(row),
        energy_wh=row.energy_wh,
    )


def total_of_row(row: Placement) -> int:
    """What a row costs, micro-USD."""
    return row.service_micro_usd + row.carbon_micro_usd + row.justice_micro_usd - row.renewable_micro_usd
