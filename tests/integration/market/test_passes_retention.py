"""Plans that others took the place of are forgotten after a while, never the one in force."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from market.models import AllocationRun, Placement, RunInputs
from market.services import forget_old_plans, take_up
from market.services.passes import rows
from tests.integration.market.planned_work import ask, plan_in_force, run, standing
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db
MUCH_LATER = NOW + timedelta(hours=60)


def stored() -> set[int]:
    return set(Placement.objects.values_list("run", flat=True))


def test_rows_of_old_plans_go_with_their_inputs_and_the_runs_stay(team):
    make_budget(team, 100_000, is_default=True)
    ask(team.principal)
    first = run().run_id
    waits = ask(team.principal)
    second = run(now=NOW + timedelta(minutes=5)).run_id
    assert forget_old_plans(now=NOW + timedelta(hours=1), keep_hours=48) == 0
    assert forget_old_plans(now=MUCH_LATER, keep_hours=48) == 1
    assert (stored(), plan_in_force().pk) == ({second}, second)
    assert list(RunInputs.objects.values_list("run", flat=True)) == [second]
    assert AllocationRun.objects.filter(pk=first).exists()
    assert standing(waits).status == "granted"
    assert forget_old_plans(now=MUCH_LATER, keep_hours=48) == 0


def test_what_a_decision_was_made_from_is_kept(team):
    make_budget(team, 100_000, is_default=True)
    taken = ask(team.principal)
    first = run().run_id
    take_up(request_id=taken.pk, actor="test", now=NOW)
    run(now=NOW + timedelta(minutes=5))
    forget_old_plans(now=MUCH_LATER, keep_hours=48)
    assert first not in stored()
    assert RunInputs.objects.filter(run=first).exists()


def test_an_idle_deployment_grows_by_nothing_that_stays(team):
    first = run().run_id
    for hours in range(1, 4):
        assert run(now=NOW + timedelta(hours=hours)).is_kept
    assert list(RunInputs.objects.values_list("run", flat=True)) == [first]
    assert AllocationRun.objects.count() == 4
    forget_old_plans(now=MUCH_LATER, keep_hours=48)
    assert list(AllocationRun.objects.values_list("pk", flat=True)) == [first]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_long_reader_keeps_its_plan_and_nobody_waits_behind_it(transactional_db, monkeypatch):
    monkeypatch.setattr(rows, "DROP_WAITS_MS", 50)
    forget_old_plans(now=MUCH_LATER, keep_hours=48)  # what other tests left of runs that are no more
    load_world()
    team = make_team()
    make_budget(team, 100_000, is_default=True)
    for minutes in range(2):
        ask(team.principal)
        run(now=NOW + timedelta(minutes=minutes))
    reads, done = threading.Event(), threading.Event()

    def read() -> None:
        with transaction.atomic():
            Placement.objects.count()
            reads.set()
            done.wait(timeout=30)
        connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    assert reads.wait(timeout=30)
    assert forget_old_plans(now=MUCH_LATER, keep_hours=48) == 0
    assert len(stored()) == 2
    done.set()
    reader.join()
    assert forget_old_plans(now=MUCH_LATER, keep_hours=48) == 1
    assert stored() == {plan_in_force().pk}
