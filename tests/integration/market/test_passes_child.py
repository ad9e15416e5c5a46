"""Passes whose problems are solved in a child: the same plans, and a feasible one whatever becomes of the child."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.kernel.errors import Conflict
from market.connectors import solver
from market.models import AllocationRun, Placement, RegionHour
from market.services.passes import bounded, solving, stages
from market.services.passes.lease import LEASE
from tests.integration.market.planned_work import ask, only_room, plan_differences, plan_in_force, run, standing
from tests.integration.world import NOW, make_budget
from tests.unit.market import solver_calls

pytestmark = pytest.mark.django_db
SOON = NOW + timedelta(minutes=1)


@pytest.fixture
def requests(team):
    make_budget(team, 100_000, is_default=True)
    only_room(1500)
    return [ask(team.principal) for _ in range(3)]


@pytest.fixture
def in_children(monkeypatch):
    monkeypatch.setattr(bounded, "LARGEST_IN_PROCESS", -1)


def rows_of(run_id):
    rows = Placement.objects.filter(run=run_id).order_by("request_id", "part")
    return list(rows.values_list("request_id", "site", "hour", "tokens", "verdict", "location_g"))


def test_a_small_problem_starts_no_process(requests, monkeypatch):
    monkeypatch.setattr(solver.subprocess, "Popen", lambda *args, **kwargs: 1 / 0)
    assert run().is_degraded is False


def test_the_plan_is_the_same_where_children_solve(requests, monkeypatch):
    here = run()
    AllocationRun.objects.update(fingerprint="other")
    monkeypatch.setattr(bounded, "LARGEST_IN_PROCESS", -1)
    child = run(now=SOON)
    assert (child.is_degraded, child.is_kept, child.granted) == (False, False, 3)
    assert rows_of(child.run_id) == rows_of(here.run_id) != []


@pytest.mark.parametrize(
    ("module", "step", "call", "seconds", "reason"),
    [
        (solving.fairness, "share_fairly", solver_calls.hold_the_lock, 0.5, "took longer than 0.5 s and was stopped"),
        (solving.green, "place_green", solver_calls.hold_the_lock, 0.5, "took longer than 0.5 s and was stopped"),
        (solving.green, "place_green", solver_calls.die_by_kill, 60, "was killed by SIGKILL"),
        (solving.green, "place_green", solver_calls.ask_for_too_much_memory, 60, "MemoryError"),
    ],
)
def test_a_child_that_is_slow_or_dies_leaves_a_feasible_plan_that_says_so_and_the_next_is_good_again(
    requests, in_children, monkeypatch, module, step, call, seconds, reason
):
    with monkeypatch.context() as patched:
        patched.setattr(module, step, call)
        patched.setattr(solving, "FAIR_SECONDS" if step == "share_fairly" else "GREEN_SECONDS", seconds)
        done = run()
    record = AllocationRun.objects.get(pk=done.run_id)
    assert (done.is_degraded, record.is_degraded, record.solver) == (True, True, "greedy")
    assert reason in record.error
    assert [standing(each).status for each in requests] == ["granted"] * 3
    assert max(RegionHour.objects.values_list("planned_tokens", flat=True)) <= 1500
    assert plan_differences() == []

    again = run(now=SOON)
    record = AllocationRun.objects.get(pk=again.run_id)
    assert (again.is_kept, record.is_degraded, record.error) == (False, False, "")
    assert plan_in_force() == record
    assert plan_differences() == []


def test_a_pass_keeps_its_right_to_run_while_it_waits_and_stops_when_it_has_lost_it(requests, in_children, monkeypatch):
    kept = []

    class LosesItWhileItWaits(stages.Stages):
        def keep(self):
            super().keep()
            if self._name == "green":
                kept.append(AllocationRun.objects.get(pk=self._run.pk).lease_expires_at)
                if len(kept) == 2:
                    AllocationRun.objects.filter(pk=self._run.pk).update(state="failed", error="taken over")

    monkeypatch.setattr("market.services.passes.passing.Stages", LosesItWhileItWaits)
    monkeypatch.setattr(solver, "MEANWHILE_SECONDS", 0.05)
    monkeypatch.setattr(solving.green, "place_green", solver_calls.hold_the_lock)
    with pytest.raises(Conflict) as refused:
        run()
    assert refused.value.code == "pass_taken_over"
    assert len(kept) == 2
    assert NOW + LEASE < kept[0] < kept[1]
    assert (plan_in_force(), [standing(each).status for each in requests]) == (None, ["queued"] * 3)
