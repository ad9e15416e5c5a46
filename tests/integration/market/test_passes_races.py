"""Passes beside each other and beside people: whatever the order, what is kept is what is planned."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from config.kernel.errors import Conflict, DomainError
from config.kernel.transactions import in_transaction
from market.models import AllocationRequest, AllocationRun, RegionHour
from market.services import cancel, take_up
from market.services.passes import storing
from tests.integration.market.planned_work import ask, only_room, plan_differences, plan_in_force, run, standing
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db(transaction=True)
SOON = NOW + timedelta(minutes=1)


@pytest.fixture
def team(transactional_db):
    load_world()
    return make_team()


def together(*works: Callable[[], object]) -> list[object]:
    """All at once, each on a connection of its own; what each returned or was refused with."""
    barrier = threading.Barrier(len(works))

    def one(work: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return work()
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def test_of_passes_at_once_one_runs_and_the_others_are_told(team):
    make_budget(team, 100_000, is_default=True)
    ask(team.principal)
    ended = together(*[run] * 4)
    refused = [each for each in ended if isinstance(each, Conflict)]
    assert {each.code for each in refused} <= {"pass_running"}
    assert AllocationRun.objects.filter(state="finished").count() == 4 - len(refused) >= 1
    assert AllocationRun.objects.filter(is_current=True).count() == 1
    assert plan_differences() == []


def test_a_pass_beside_people_who_ask_cancel_and_begin_keeps_the_books(team):
    make_budget(team, 100_000, is_default=True)
    requests = [ask(team.principal, tokens=100 + number) for number in range(12)]
    run()
    ended = together(
        *[lambda: run(now=SOON)] * 2,
        *[lambda each=each: cancel(request_id=each.pk, actor="test", now=SOON) for each in requests[:4]],
        *[lambda each=each: take_up(request_id=each.pk, actor="test", now=SOON) for each in requests[4:8]],
        *[lambda: in_transaction(lambda: ask(team.principal, now=SOON, tokens=50, latest=None))] * 3,
    )
    assert not [each for each in ended if isinstance(each, BaseException) and not isinstance(each, Conflict)]
    assert plan_differences() == []
    run(now=SOON + timedelta(minutes=1))
    for request in requests:
        request.refresh_from_db()
    assert {each.status for each in requests[:4]} == {"cancelled"}
    assert {each.status for each in requests[4:8]} == {"granted"}
    assert {standing(each).status for each in requests[8:]} == {"granted"}
    assert plan_differences() == []


def test_what_was_withdrawn_while_a_plan_was_drawn_is_not_kept_room_for(team, monkeypatch):
    make_budget(team, 100_000, is_default=True)
    gone, stays = ask(team.principal), ask(team.principal, tokens=70)
    own = storing.own_plan

    def withdrawn_first():
        monkeypatch.setattr(storing, "own_plan", own)
        AllocationRequest.objects.filter(pk=gone.pk).update(status="cancelled")
        return own()

    monkeypatch.setattr(storing, "own_plan", withdrawn_first)
    run()
    assert sum(RegionHour.objects.values_list("planned_tokens", flat=True)) == 70
    assert standing(stays).status == "granted"
    assert (plan_in_force().considered, plan_in_force().granted, plan_in_force().waiting) == (1, 1, 0)
    assert plan_in_force().record["misses"] == {}
    assert plan_differences() == []


def test_room_and_money_that_went_while_a_plan_was_drawn_are_left_to_who_took_them(team, monkeypatch):
    make_budget(team, 2000, is_default=True)
    only_room(2000)
    window = {"earliest": NOW, "latest": NOW + timedelta(minutes=50)}
    light = ask(team.principal, tokens=900, **window)
    write = storing._write

    def interactive_comes_first(*args):
        monkeypatch.setattr(storing, "_write", write)
        ask(team.principal, tokens=1500, latest=None)
        write(*args)

    later = {"purpose": "climate_adaptation", "latest": NOW + timedelta(hours=2)}
    request = ask(team.principal, tokens=400, **later)
    monkeypatch.setattr(storing, "_write", interactive_comes_first)
    run()
    assert plan_differences() == []
    assert all(row.promised_tokens + row.planned_tokens <= 2000 for row in RegionHour.objects.all())
    assert (standing(request).status, standing(light).status) == ("granted", "queued")
