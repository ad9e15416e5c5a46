"""Handoffs in several processes, some of which are killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from functools import partial
from unittest import mock

import pytest
from django.db import connections

from budgets.models import Budget
from config.kernel.errors import Conflict
from sessions_app.models import Event, Handoff, InstanceHold, Usage
from sessions_app.services.handoffs import carry_on, carrying, copying
from tests.integration.processes import in_processes
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.sessions_app.handing import (
    STATE,
    assert_sound,
    begin,
    fill,
    open_holds,
    report_as,
    reserve_for,
)
from tests.integration.world import NOW, load_world, make_budget, make_team

AGENTS = ("a1", "a2", "a3")
MOST_CALLS = 1000
LONGEST_WAIT_SECONDS = 20
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session_id():
    load_world()
    team = make_team()
    opened = open_desk(team, *AGENTS, state=STATE, budget_id=make_budget(team, 10_000_000))
    for agent in AGENTS:
        fill(opened, agent)
    return opened


def test_of_many_that_begin_and_carry_on_at_once_one_handoff_comes(session_id):
    assert in_processes([partial(_begin, session_id)] * 4) == [1, 1, 1, 1]
    handoff = Handoff.objects.get()
    assert set(in_processes([partial(_carry_on, handoff.pk)] * 4)) == {"complete"}
    assert [instance_of(session_id, agent).epoch for agent in AGENTS] == [2, 2, 2]
    kinds = Event.objects.filter(session=session_id, kind__startswith="handoff.").order_by("seq")
    assert list(kinds.values_list("kind", flat=True)) == [
        "handoff.begun",
        *["handoff.moved"] * 3,
        "handoff.completed",
    ]
    assert_sound(session_id)


def _begin(session_id):
    return begin(session_id, "emergency").number


def _carry_on(handoff_id):
    return str(carry_on(handoff_id=handoff_id, now=NOW))


def _dying_after(place, name):
    """A patch: this function does its work, then its process is killed."""
    real = getattr(place, name)

    def work(*args, **values):
        real(*args, **values)
        os.kill(os.getpid(), signal.SIGKILL)

    return mock.patch.object(place, name, work)


@pytest.mark.parametrize(
    ("place", "name", "phase"),
    [
        (carrying, "prepare", "preparing"),
        (copying, "snapshot", "transferring"),
        (copying, "pack_all", "transferring"),
        (carrying, "check_all", "validating"),
        (carrying, "switch", "validating"),
    ],
)
def test_after_a_kill_of_who_carries_it_the_next_one_brings_it_to_its_end(session_id, place, name, phase):
    """Each within a step: on the way to its commit, or in the work between two of them."""
    hold_id = reserve_for(session_id, "a1", 1)
    handoff = begin(session_id, "emergency")
    connections.close_all()

    def work():
        with _dying_after(place, name):
            _carry_on(handoff.pk)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert Handoff.objects.get().phase == phase
    assert open_holds(session_id) == {hold_id: ("a1", 1)}
    assert_sound(session_id)
    assert carry_on(handoff_id=handoff.pk, now=NOW) == "complete"
    assert open_holds(session_id) == {hold_id: ("a1", 2)}
    assert Budget.objects.get().reserved == 300
    assert Event.objects.filter(session=session_id, kind="handoff.completed").count() == 1
    assert_sound(session_id)


def test_of_workers_that_go_on_during_the_switch_none_writes_after_it(session_id):
    """What they were told is stored is stored, once, and before the switch."""
    handoff = begin(session_id, "emergency")
    works = [partial(_work_on, session_id, agent) for agent in AGENTS]
    *told, phase = in_processes([*works, partial(_carry_on_amid, handoff.pk)])
    assert phase == "complete"
    assert all(told), "some of their calls were stored, then each was refused"
    switched_seq = Handoff.objects.get().switched_seq
    usage = Usage.objects.filter(session=session_id)
    assert sorted(usage.values_list("call_id", flat=True)) == sorted(each for calls in told for each in calls)
    assert max(usage.values_list("seq", flat=True)) < switched_seq
    assert not Event.objects.filter(session=session_id, seq__gt=switched_seq).exists()
    assert Budget.objects.get().spent == 110 * usage.count() == session_of(session_id).tokens_used
    holds = InstanceHold.objects.filter(session=session_id, is_open=True)
    assert Budget.objects.get().reserved == sum(holds.values_list("tokens", flat=True))
    assert_sound(session_id)


def _carry_on_amid(handoff_id):
    """Once every agent has called."""
    ends_at = time.monotonic() + LONGEST_WAIT_SECONDS
    while Usage.objects.order_by().values("instance").distinct().count() < len(AGENTS) and time.monotonic() < ends_at:
        time.sleep(0.01)
    return _carry_on(handoff_id)


def _work_on(session_id, agent):
    """Call after call in the first epoch, until it is refused; returns the calls that were stored."""
    calls = []
    for number in range(MOST_CALLS):
        call_id = f"{agent} {number}"
        try:
            hold_id = reserve_for(session_id, agent, 1)
            report_as(session_id, agent, 1, call_id=call_id, hold_id=hold_id)
        except Conflict as refusal:
            return calls if refusal.code == "stale_epoch" else []
        calls.append(call_id)
    return []
