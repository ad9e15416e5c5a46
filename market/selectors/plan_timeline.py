"""What plans made of a request while it waited."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from climate.domain.ladder import HOUR, floor_hour
from market.domain.placement.cells import cell_words
from market.domain.placement.plan import PlacementVerdict, PlanInputs
from market.domain.placement.words import WAITING_WORDS
from market.models import AllocationRequest, AllocationRun, Placement
from market.selectors.plan_inputs import find_plan_inputs

MOST_MOMENTS = 10


class Moment(NamedTuple):
    """What one run made of the request; `site` and `hour` index the run's inputs."""

    run_id: int
    started_at: datetime
    finished_at: datetime | None
    verdict: int
    reason: int
    site: int
    hour: int

    @property
    def what(self) -> tuple[int, int, int, datetime]:
        """Equal for runs that left it where it was."""
        return self.verdict, self.reason, self.site, floor_hour(self.started_at) + self.hour * HOUR


def list_plan_moments(request: AllocationRequest) -> list[tuple[datetime, str]]:
    """When plans placed or moved the request, or let it wait, the newest MOST_MOMENTS of them. Three queries."""
    rows = Placement.objects.filter(
        request=request.pk, part=0, run__kind=AllocationRun.Kind.PLAN, run__state=AllocationRun.State.FINISHED
    ).order_by("run_id")
    columns = ("run_id", "run__started_at", "run__finished_at", "verdict", "reason", "site", "hour")
    changed = list(_changes(Moment(*row) for row in rows.values_list(*columns)))
    newest = changed[-MOST_MOMENTS:]
    inputs = find_plan_inputs([each.run_id for each in newest])
    was_placed = any(each.verdict != PlacementVerdict.WAITING for each in changed[:-MOST_MOMENTS])
    told = []
    for each in newest:
        told.append((each.finished_at or each.started_at, _words(each, inputs.get(each.run_id), was_placed=was_placed)))
        was_placed = was_placed or each.verdict != PlacementVerdict.WAITING
    return told


def _changes(moments: Iterator[Moment]) -> Iterator[Moment]:
    """Without those that left it where it was."""
    before = None
    for each in moments:
        if each.what != before:
            yield each
        before = each.what


_WHY = {int(reason): words for reason, words in WAITING_WORDS.items()}


def _words(moment: Moment, inputs: PlanInputs | None, *, was_placed: bool) -> str:
    if moment.verdict == PlacementVerdict.WAITING:
        return f"waits on after run {moment.run_id}. {_WHY.get(moment.reason, '')}"
    where = ""
    if inputs is not None and inputs.has_cell(moment.site, moment.hour):
        where = f" for {cell_words(inputs, moment.site, moment.hour)}"
    part = " in part" if moment.verdict == PlacementVerdict.PARTIAL else ""
    return f"{'replanned' if was_placed else 'planned'}{part} by run {moment.run_id}{where}"
