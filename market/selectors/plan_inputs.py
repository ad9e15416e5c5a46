"""What runs were computed from, read once per run and kept in the process: a run's inputs never change."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from threading import Lock

from config.kernel.errors import NotFound
from market.domain.placement.plan import PlanInputs
from market.models import AllocationRun, RunInputs

MOST_KEPT = 16
_kept: OrderedDict[tuple[object, ...], PlanInputs] = OrderedDict()
_lock = Lock()


def find_run_in_force() -> AllocationRun | None:
    """The run whose plan is in force."""
    return AllocationRun.objects.filter(is_current=True).first()


def get_plan_inputs(run_id: int) -> PlanInputs:
    """The inputs of one run. Raises NotFound: there is no such run, or its inputs are not kept any more."""
    found = find_plan_inputs([run_id]).get(run_id)
    if found is None:
        raise NotFound("There is no such plan, or what it was made from is not kept any more.")
    return found


def find_plan_inputs(run_ids: Collection[int]) -> dict[int, PlanInputs]:
    """The inputs of these runs by run id; two queries at most. What is not kept is left out."""
    if not run_ids:
        return {}
    # Ids alone do not name a run for ever: a database may be restored, or a test rolled back.
    columns = ("pk", "fingerprint", "started_at", "finished_at")
    keys = {row[0]: row for row in AllocationRun.objects.filter(pk__in=run_ids).values_list(*columns)}
    found = {run_id: inputs for run_id, key in keys.items() if (inputs := _recall(key)) is not None}
    missing = keys.keys() - found.keys()
    for run_id, body in RunInputs.objects.filter(run__in=missing).values_list("run_id", "body") if missing else ():
        found[run_id] = PlanInputs.from_bytes(bytes(body))
        _keep(keys[run_id], found[run_id])
    return found


def _recall(key: tuple[object, ...]) -> PlanInputs | None:
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
        return _kept.get(key)


def _keep(key: tuple[object, ...], inputs: PlanInputs) -> None:
    with _lock:
        _kept[key] = inputs
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
