"""The allocation pass: one plan for everything that waits, fair first, then green, put in force as a whole.

One runs at a time: a database constraint allows one running row, whose lease lets a pass that died
be taken over and whose id is the fence. Until its last transaction commits, a pass has changed
nothing but its own row: one that is killed leaves the plan before in force.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import F, Sum

from climate.domain.ladder import HOUR, floor_hour
from climate.domain.places import EmergencyFacts
from config.kernel.errors import Conflict
from market.domain.placement.columns import RequestColumns
from market.domain.placement.expected import HOURS_OF_DAY
from market.domain.policy import PolicyTerms
from market.models import AllocationRequest, AllocationRun, Decision
from market.selectors.policies import get_policy_in_force
from market.selectors.waiting import count_waiting_later, load_waiting
from market.services.expected_work import get_expected_work
from market.services.grant import HORIZON_HOURS
from market.services.passes import lease
from market.services.passes.expecting import of_classes, with_expected
from market.services.passes.gather import NANOGRAMS, gather
from market.services.passes.give_way import by_party, give_way, who_would_give_way
from market.services.passes.late import decide_last, list_last_hour
from market.services.passes.planning import Setting, make_plan, set_up
from market.services.passes.purses import read_purses
from market.services.passes.recording import fingerprint_of
from market.services.passes.reporting import closing_of, complete, fairness_of, savings_of
from market.services.passes.stages import Stages, Tell, clock_from
from market.services.passes.storing import keep_plan, put_in_force, store_drill
from market.services.take_up import take_up_due

Kind = AllocationRun.Kind
MOST_TAKEN_UP = 2000
"""What is due beyond that is taken up by the task of every minute: a pass has an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What a pass did: requests looked at, granted (planned, whole or part), denied, and left waiting.

    `is_kept`: nothing had changed, so the plan before stays in force. `is_degraded`: the solver failed.
    `gave_way`: promises that were taken back for what an emergency lifts.
    """

    run_id: int
    considered: int
    granted: int
    denied: int
    waiting: int
    is_kept: bool = False
    is_degraded: bool = False
    gave_way: int = 0


def run_allocation_pass(
    *,
    now: datetime,
    trigger: str,
    actor: str,
    kind: str = Kind.PLAN,
    emergencies: Sequence[EmergencyFacts] = (),
    tell: Tell = lambda stage: None,
) -> PassResult:
    """Plan everything that waits and put the plan in force; then take up and decide what is due.

    A drill supposes `emergencies` and computes the same, but its plan is never in force. Raises
    Conflict if another pass is running (`pass_running`), or took over from this one. Where promises
    gave way to an emergency, the room is planned at once, by a pass of its own.
    """
    clock = clock_from(now)
    result = _pass(clock, trigger=trigger, actor=actor, kind=kind, emergencies=emergencies, tell=tell)
    if not result.gave_way:
        return result
    again = partial(_pass, clock, trigger="room given back", actor=actor, kind=kind, tell=tell, may_take_back=False)
    try:
        return replace(again(), gave_way=result.gave_way)
    except Conflict:
        return result  # another pass has begun since, and plans that room


def _pass(
    clock: Callable[[], datetime],
    *,
    trigger: str,
    actor: str,
    kind: str,
    tell: Tell,
    emergencies: Sequence[EmergencyFacts] = (),
    may_take_back: bool = True,
) -> PassResult:
    now = clock()
    run = lease.begin(now=now, trigger=f"{trigger} by {actor}"[:60], kind=Kind(kind))
    stages = Stages(run, clock, tell)
    try:
        result = _run(run, stages, emergencies, may_take_back=may_take_back)
    except Exception as error:
        lease.fail(run, now=stages.clock(), error=f"{type(error).__name__}: {error}"[:300])
        raise
    return result


def _run(
    run: AllocationRun, stages: Stages, emergencies: Sequence[EmergencyFacts], *, may_take_back: bool
) -> PassResult:
    now = stages.clock()
    stages.begin("load")
    before = floor_hour(now) + HORIZON_HOURS * HOUR
    columns, later = load_waiting(now=now, before=before), count_waiting_later(now=now, before=before)
    stages.begin("gather")
    supposed = emergencies if run.kind == Kind.DRILL else ()
    setting = _setting(columns, now=now, supposed=supposed, keep=stages.keep)
    fingerprint = fingerprint_of(setting)
    in_force = AllocationRun.objects.filter(is_current=True).first()
    if run.kind == Kind.PLAN and in_force and not in_force.is_degraded and in_force.fingerprint == fingerprint:
        plan_id = in_force.pk
        _keep(run, in_force, stages)
    else:
        plan_id = run.pk
        _replace(run, setting, stages, fingerprint=fingerprint, later=later)
    gave_way = 0
    if run.kind == Kind.PLAN:
        gave_way = give_way(setting, run, plan_id=plan_id, clock=stages.clock) if may_take_back else 0
        if not gave_way:  # the next plan is better: nothing of this one is taken up
            _follow_up(run, plan_id, columns, setting, stages)
    else:
        _note_drill(run, setting, now=stages.clock())
    AllocationRun.objects.filter(pk=run.pk).update(seconds=stages.seconds)
    run.refresh_from_db()
    return PassResult(
        run_id=run.pk,
        considered=run.considered,
        granted=run.granted,
        denied=run.denied,
        waiting=run.waiting,
        is_kept=plan_id != run.pk,
        is_degraded=run.is_degraded,
        gave_way=gave_way,
    )


def _setting(
    columns: RequestColumns, *, now: datetime, supposed: Sequence[EmergencyFacts], keep: Callable[[], None]
) -> Setting:
    classes = {kind.model_class for kind in columns.kinds}
    work = of_classes(get_expected_work(first_hour=floor_hour(now), hour_count=HORIZON_HOURS, now=now), classes)
    policy = get_policy_in_force()
    gathered = gather(with_expected(columns, work, policy_id=policy.id), now=now, supposed=supposed)
    return set_up(
        gathered,
        columns,
        work=work,
        purses=read_purses(columns.budgets, now=now),
        carbon_budget_ng=_carbon_budget_ng(policy.terms, since=floor_hour(now)),
        keep=keep,
    )


def _carbon_budget_ng(terms: PolicyTerms, *, since: datetime) -> int | None:
    """What the plan's hours may emit, less what is promised of them already; None: as much as it takes."""
    per_day = terms.allocation.carbon_budget_g_per_day
    if per_day is None:
        return None
    holding = AllocationRequest.HOLDING
    granted = Decision.objects.filter(request__status__in=holding, request__is_simulated=False, starts_at__gte=since)
    promised = granted.aggregate(sum=Sum("location_g_central"))["sum"] or 0.0
    return max(0, int((per_day * HORIZON_HOURS / HOURS_OF_DAY - promised) * NANOGRAMS))


def _carbon_left_g(setting: Setting, plan_id: int) -> float | None:
    """What the plan in force leaves of the carbon budget that it was drawn under, g CO2e; None without one."""
    if setting.carbon_budget_ng is None:
        return None
    planned_g = AllocationRun.objects.values_list("planned_g", flat=True).get(pk=plan_id)
    return setting.carbon_budget_ng / NANOGRAMS - (planned_g or 0.0)


def _keep(run: AllocationRun, in_force: AllocationRun, stages: Stages) -> None:
    """Nothing has changed: the plan in force is this plan, and only the run is written down."""
    counts = {name: getattr(in_force, name) for name in ("considered", "granted", "waiting")}
    closing = {**counts, "fingerprint": in_force.fingerprint, "record": {"kept": in_force.pk}}
    stages.begin("store")
    keep_plan(run, closing=closing, now=stages.clock())


def _replace(run: AllocationRun, setting: Setting, stages: Stages, *, fingerprint: str, later: int) -> None:
    plan = make_plan(setting, stages=stages)
    stages.begin("fairness")
    inputs = complete(plan)
    fairness = fairness_of(plan, inputs, keep=stages.keep)
    stages.begin("compare")
    savings = savings_of(plan)
    stages.begin("store")

    def closing() -> dict[str, Any]:
        return closing_of(plan, savings, fairness, fingerprint=fingerprint, later=later, seconds=stages.seconds)

    store = put_in_force if run.kind == Kind.PLAN else store_drill
    store(run, plan.drawing, inputs, closing=closing, now=stages.clock())


def _note_drill(run: AllocationRun, setting: Setting, *, now: datetime) -> None:
    """Whose promises would be taken back: a drill takes none."""
    given = by_party(who_would_give_way(setting, plan_id=run.pk, now=now))
    run.refresh_from_db(fields=["record"])
    record = {**run.record, "would_give_way": given}
    AllocationRun.objects.filter(pk=run.pk).update(record=record)


def _follow_up(run: AllocationRun, plan_id: int, columns: RequestColumns, setting: Setting, stages: Stages) -> None:
    """Take up work whose hour is here, and decide what is in its last hour and not in the plan."""
    stages.end()
    take_up_due(now=stages.clock(), at_most=MOST_TAKEN_UP)
    late = list_last_hour(columns, setting.order, now=stages.clock())
    left_g = _carbon_left_g(setting, plan_id)
    granted, denied = decide_last(run, plan_id, late, carbon_left_g=left_g, clock=stages.clock)
    AllocationRun.objects.filter(pk=run.pk).update(
        granted=F("granted") + granted, denied=denied, waiting=F("waiting") - granted - denied
    )
