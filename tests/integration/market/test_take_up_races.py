"""Several processes take up, withdraw, settle, plan anew and ask for the same hours: the books agree at the end."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from uuid import UUID

import pytest
from django.db import connections

from budgets.domain.refusals import BudgetExhausted
from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences
from climate.domain.ladder import floor_hour
from config.kernel.errors import Conflict, Unavailable
from market.models import AllocationRequest, AllocationRun, Decision, RegionHour
from market.selectors import list_fund_differences, list_plan_differences
from market.services import cancel, deposit_to_fund, dispatch, settle, take_up, take_up_due
from tests.integration.market.planned_work import ask, only_room, run
from tests.integration.processes import in_processes
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
NEXT_HOUR = floor_hour(NOW) + timedelta(hours=1)
IN_THE_HOUR = NEXT_HOUR + timedelta(minutes=50)
COUNT = 24


@pytest.fixture
def team(transactional_db):
    load_world()
    made = make_team()
    root = make_budget(made, 40_000, name="root")
    make_budget(made, 30_000, name="leaf", parent_id=root, is_default=True)
    deposit_to_fund(micro_usd=3_000_000, actor="test", reason="test", now=NOW)
    only_room(20_000, "aws-eu-north-1", "aws-eu-west-3")
    return made


def planned(team, count: int = COUNT) -> list[UUID]:
    """Requests that a plan places in the next hour; some have a discount that the Fund keeps."""
    made = []
    for index in range(count):
        changes = {"origin": "BD", "purpose": "climate_adaptation", "policy": "seed-2025"} if index % 2 else {}
        request = ask(team.principal, tokens=500 + index, earliest=NEXT_HOUR, latest=IN_THE_HOUR, **changes)
        made.append(request.pk)
    run()
    return made


def books() -> list[str]:
    return [*list_ledger_differences(), *list_fund_differences(), *list_plan_differences()]


def each_of(work, request_ids: list[UUID], seed: int) -> int:
    """Do this to all requests in an order of one's own; how often it was done."""
    ordered = random.Random(seed).sample(request_ids, len(request_ids))
    done = 0
    for request_id in ordered:
        try:
            work(request_id=request_id, actor="test", now=NEXT_HOUR)
            done += 1
        except (Conflict, BudgetExhausted):
            continue  # somebody else was first
    return done


def settle_some(*, request_id: UUID, actor: str, now) -> None:
    settle(request_id=request_id, used_tokens=300, quality=None, collaboration=None, actor=actor, now=now)


def dispatch_some(*, request_id: UUID, actor: str, now) -> None:
    dispatch(request_id=request_id, fence=None, actor=actor, now=now)


def plan_again(times: int) -> int:
    """Passes one after the other; what comes between them differs, so that each makes a plan of its own."""
    done = 0
    for index in range(times):
        try:
            done += not run(now=NOW + timedelta(seconds=index)).is_kept
        except Conflict:
            continue
    return done


def ask_at_once(principal, times: int) -> int:
    """Interactive work that wants the very hour that is planned."""
    granted = 0
    for _ in range(times):
        try:
            granted += ask(principal, tokens=900, latest=None, now=NEXT_HOUR).status in ("granted", "partial")
        except (Conflict, Unavailable):
            continue
    return granted


def assert_sound() -> None:
    assert books() == []
    assert all(each.promised_tokens + each.planned_tokens <= each.capacity_tokens for each in RegionHour.objects.all())
    assert all(each.spent + each.reserved <= each.limit for each in Budget.objects.all())
    holding = AllocationRequest.objects.filter(status__in=["granted", "partial"]).count()
    assert Hold.objects.filter(reference__startswith="request:", status__in=Hold.OPEN).count() == holding


def test_of_many_who_take_up_and_withdraw_one_request_one_wins_and_the_books_agree(team):
    requests = planned(team)
    done = in_processes(
        [
            partial(each_of, take_up, requests, 1),
            partial(each_of, take_up, requests, 2),
            partial(each_of, cancel, requests, 3),
            partial(take_up_due, now=NEXT_HOUR),
        ]
    )
    statuses = list(AllocationRequest.objects.values_list("status", flat=True))
    assert statuses.count("queued") == 0
    assert statuses.count("cancelled") == done[2]
    assert Decision.objects.exclude(run=None).count() == done[0] + done[1] + done[3]
    assert_sound()


def test_a_plan_that_is_replaced_while_its_work_is_taken_up_withdrawn_and_settled_loses_nothing(team):
    requests = planned(team)
    done = in_processes(
        [
            partial(plan_again, 4),
            partial(each_of, take_up, requests, 1),
            partial(each_of, cancel, requests[::3], 2),
            partial(each_of, settle_some, requests[1::3], 3),
            partial(each_of, dispatch_some, requests[2::3], 4),
            partial(ask_at_once, team.principal, 12),
        ]
    )
    assert done[0] > 0
    assert_sound()
    run(now=NEXT_HOUR)
    take_up_due(now=NEXT_HOUR)
    assert_sound()


def test_a_kill_between_steps_leaves_a_request_planned_or_taken_up_and_nothing_between(team):
    requests = planned(team)
    for seed in range(3):
        _killed(partial(each_of, take_up, requests, seed), when=partial(_are_taken, 4 * seed + 2))
        assert_sound()
    _killed(partial(plan_again, 5), when=AllocationRun.objects.filter(state="running").exists)
    assert_sound()
    assert 0 < _taken() < COUNT
    run(now=NEXT_HOUR + timedelta(minutes=20))  # takes up what is due, after the one that was killed lost its lease
    assert _taken() == COUNT
    assert_sound()


def _taken() -> int:
    return AllocationRequest.objects.filter(status__in=["granted", "partial"]).count()


def _are_taken(count: int) -> bool:
    return _taken() >= count


def _killed(work: Callable[[], object], *, when: Callable[[], bool]) -> None:
    """Begin work in a process of its own and end it in the middle, as a power cut would."""
    connections.close_all()
    worker = get_context("fork").Process(target=work)
    worker.start()
    _wait_until(lambda: when() or not worker.is_alive())
    if worker.pid is not None and worker.is_alive():
        os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    _wait_until(lambda: not _sessions_at_work())  # the server notices in its own time


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _sessions_at_work() -> int:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        return int(cursor.fetchone()[0])
