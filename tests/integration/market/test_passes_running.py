"""How passes run: one at a time, fenced, the same again where nothing changed, and feasible whatever fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from budgets.models import Hold
from climate.domain.places import EmergencyFacts
from config.kernel.errors import Conflict
from config.kernel.events import subscribe
from market.domain.placement.problem import SolverFailed
from market.events import PlanChanged
from market.models import AllocationRun, Placement, RegionHour, RunInputs
from market.selectors.plan_inputs import get_plan_inputs
from market.services.passes import passing, solving, storing
from tests.integration.market.planned_work import (
    ask,
    only_room,
    plan_differences,
    plan_in_force,
    reserved,
    run,
    standing,
)
from tests.integration.world import NOW, make_budget

pytestmark = pytest.mark.django_db
SOON = NOW + timedelta(minutes=1)


@pytest.fixture
def budget(team):
    return make_budget(team, 100_000, is_default=True)


def fail_to_solve(*args, **kwargs):
    raise SolverFailed("out of time")


def test_only_one_pass_runs_and_a_dead_one_is_taken_over(team, budget):
    AllocationRun.objects.create(trigger="other", started_at=NOW, lease_expires_at=NOW + timedelta(minutes=10))
    ask(team.principal)
    with pytest.raises(Conflict) as refused:
        run()
    assert refused.value.code == "pass_running"
    assert not Hold.objects.exists()
    assert run(now=NOW + timedelta(minutes=11)).granted == 1
    assert list(AllocationRun.objects.order_by("pk").values_list("state", flat=True)) == ["failed", "finished"]


def test_a_pass_that_was_taken_over_puts_nothing_in_force_and_leaves_the_record(team, budget, monkeypatch):
    ask(team.principal)
    run()
    before = plan_in_force()
    ask(team.principal)
    write = storing._write

    def write_then_lose_the_lease(own, *args):
        write(own, *args)
        AllocationRun.objects.filter(pk=own.pk).update(state="failed", error="its process died; the lease ran out")

    monkeypatch.setattr(storing, "_write", write_then_lose_the_lease)
    with pytest.raises(Conflict) as refused:
        run(now=SOON)
    assert refused.value.code == "pass_taken_over"
    assert plan_in_force() == before
    assert reserved(budget) == 1000
    assert plan_differences() == []


def test_a_pass_that_fails_says_why_and_leaves_the_plan_before_in_force(team, budget, monkeypatch):
    request = ask(team.principal)
    run()
    before = plan_in_force()
    monkeypatch.setattr(passing, "make_plan", lambda *args, **kwargs: 1 / 0)
    ask(team.principal)
    with pytest.raises(ZeroDivisionError):
        run(now=SOON)
    assert AllocationRun.objects.latest("pk").error.startswith("ZeroDivisionError")
    assert plan_in_force() == before
    assert standing(request).status == "granted"


def test_nothing_is_written_but_the_run_where_nothing_changed(team, budget):
    request = ask(team.principal)
    first = run()
    hold = Hold.objects.get()
    second = run(now=SOON)
    assert (second.is_kept, second.granted, second.waiting) == (True, 1, 0)
    assert plan_in_force().pk == first.run_id
    assert AllocationRun.objects.get(pk=second.run_id).record == {"kept": first.run_id}
    assert set(Placement.objects.values_list("run", flat=True)) == {first.run_id}
    assert Hold.objects.get().fence == hold.fence
    ask(team.principal)
    assert run(now=SOON).is_kept is False
    assert standing(request).run.pk != first.run_id


@pytest.mark.parametrize("step", ["share", "place"])
def test_where_the_solver_fails_a_feasible_plan_is_made_and_says_so(team, budget, monkeypatch, step):
    monkeypatch.setattr(solving, step, fail_to_solve)
    only_room(1500)
    requests = [ask(team.principal) for _ in range(3)]
    done = run()
    record = AllocationRun.objects.get(pk=done.run_id)
    assert (done.is_degraded, record.is_degraded, record.solver, record.error) == (True, True, "greedy", "out of time")
    assert [standing(each).status for each in requests] == ["granted"] * 3
    assert max(RegionHour.objects.values_list("planned_tokens", flat=True)) <= 1500
    assert plan_differences() == []


def test_a_degraded_plan_is_made_again_as_soon_as_the_solver_works(team, budget, monkeypatch):
    ask(team.principal)
    with monkeypatch.context() as patched:
        patched.setattr(solving, "place", fail_to_solve)
        run()
    done = run(now=SOON)
    assert (done.is_kept, done.is_degraded, plan_in_force().pk) == (False, False, done.run_id)


def test_a_run_records_what_it_was_made_from_and_what_it_came_to(team, budget):
    ask(team.principal)
    ask(team.principal, tokens=200_000)
    record = AllocationRun.objects.get(pk=run().run_id)
    assert len(record.fingerprint) == 64
    assert "min-cost flow" in record.solver
    assert (record.asked_tokens, record.planned_tokens) == (201_000, 1000)
    assert record.record["misses"] == {"budget": {"requests": 1, "tokens": 200_000}}
    assert {"load", "gather", "fair", "green", "hand back", "figures", "store"} <= set(record.seconds)
    savings = record.record["savings"]
    assert record.record["fairness"]["service"]["minimum_share"] == pytest.approx(1000 / 201_000)
    assert record.record["price_of_justice"] is None
    assert savings["compared_tokens"] == 1000
    assert record.bound_g <= savings["plan_g"] <= record.reference_g
    party = get_plan_inputs(record.pk).parties[0]
    assert (party.origin, party.asked_tokens, party.service_tokens, party.baseline_tokens) == (
        "DE",
        201_000,
        1000,
        1000,
    )


def test_the_same_requests_make_the_same_plan(team, budget):
    for tokens in (300, 200, 100):
        ask(team.principal, tokens=tokens)
    first = run()
    rows = list(Placement.objects.order_by("request_id", "part").values_list("request_id", "site", "hour", "tokens"))
    AllocationRun.objects.update(fingerprint="other")
    second = run(now=SOON)
    again = Placement.objects.filter(run=second.run_id).order_by("request_id", "part")
    assert first.run_id != second.run_id
    assert list(again.values_list("request_id", "site", "hour", "tokens")) == rows


def test_a_drill_computes_a_plan_and_changes_nothing(team, budget):
    request = ask(team.principal, purpose="disaster_response", origin="BD")
    run()
    before, hold = plan_in_force(), Hold.objects.get()
    flood = EmergencyFacts(
        id=0, kind="flood", title="Flood", country_codes=("BD",), purposes=("disaster_response",), multiplier=5.0,
        starts_at=datetime(2026, 3, 1, tzinfo=UTC), ends_at=None,
    )  # fmt: skip
    done = run(now=SOON, kind="drill", emergencies=[flood])
    drill = get_plan_inputs(done.run_id)
    assert dict(drill.parties[0].factors)["emergency"] == 5.0
    assert AllocationRun.objects.get(pk=done.run_id).kind == "drill"
    assert Placement.objects.filter(run=done.run_id).count() == 1
    assert (plan_in_force(), Hold.objects.get().fence, standing(request).run) == (before, hold.fence, before)
    assert plan_differences() == []


def test_other_apps_hear_of_a_new_plan_and_not_of_a_kept_one(team, budget, django_capture_on_commit_callbacks):
    heard = []
    subscribe(PlanChanged, heard.append)
    ask(team.principal)
    with django_capture_on_commit_callbacks(execute=True):
        done = run()
    with django_capture_on_commit_callbacks(execute=True):
        run(now=SOON)
    assert [(each.run_id, each.kind) for each in heard] == [(done.run_id, "plan")]


def test_the_command_says_what_it_did(team, budget, capsys):
    call_command("run_allocation_pass")
    assert "0 considered" in capsys.readouterr().out
    assert RunInputs.objects.count() == 1
