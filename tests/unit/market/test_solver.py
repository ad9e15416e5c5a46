"""The child that solves: the same answers, a limit that holds, and nothing left behind, whoever dies."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from market.connectors import solver
from market.connectors.solver import call_in_child
from market.domain.placement.fairness import share_fairly
from market.domain.placement.fairness_figures import price_of_justice
from market.domain.placement.green import place_green
from market.domain.placement.network import build_network, count_arcs_at_most
from market.domain.placement.problem import Parties, SolverFailed
from tests.unit.market import solver_calls
from tests.unit.market.placement.instances import random_problem

PATIENCE_SECONDS = 30


@pytest.fixture(autouse=True)
def look_often(monkeypatch):
    monkeypatch.setattr(solver, "MEANWHILE_SECONDS", 0.05)


def in_child(call, *, seconds=PATIENCE_SECONDS, meanwhile=int):
    return call_in_child(call, seconds=seconds, meanwhile=meanwhile)


class Enough(Exception):
    """What was to be seen has been seen."""


def has_ended(pid):
    """A dead process whose new parent has not looked yet has ended, too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def wait_until(is_true):
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not is_true():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def plain(value):
    """Comparable with ==, to the last digit and type."""
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.tolist()
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    return type(value), value


def test_a_child_finds_what_this_process_finds():
    problem = random_problem(11, site_count=4, hour_count=12, group_count=60)
    parties = Parties(weight=np.array([1.0, 2.0, 0.3]), floor_tokens=np.array([5.0, 0.0, 0.1]))
    fair = share_fairly(problem, parties, seconds=60)
    calls = [
        partial(share_fairly, problem, parties, carbon_budget=300, seconds=60),
        partial(place_green, problem, service_tokens=fair.service_tokens, seconds=60),
        partial(price_of_justice, problem, fair.service_tokens, seconds=60),
    ]
    assert 0 < fair.service_tokens.sum() < problem.group_tokens.sum()
    assert [plain(in_child(call)) for call in calls] == [plain(call()) for call in calls]


def test_a_solver_that_refuses_in_the_child_refuses_here_in_the_same_words():
    with pytest.raises(SolverFailed, match=r"^No time is left to solve the placement\.$"):
        in_child(partial(place_green, random_problem(1), service_tokens=None, seconds=0))


def test_a_large_problem_is_given_up_when_its_time_is_over():
    problem = random_problem(3, site_count=20, hour_count=168, group_count=200_000, largest_room=10**6)
    call = partial(place_green, problem, service_tokens=None, seconds=600)
    with pytest.raises(SolverFailed, match=r"took longer than 0\.5 s and was stopped"):
        in_child(call, seconds=0.5)


def test_a_child_that_lets_nothing_interrupt_it_is_killed_when_its_time_is_over(tmp_path, monkeypatch):
    note = tmp_path / "pid"
    monkeypatch.setattr(solver, "time", SimpleNamespace(monotonic=lambda: 31.0 if note.exists() else 0.0))
    with pytest.raises(SolverFailed, match="longer than 30 s"):
        in_child(partial(solver_calls.hold_the_lock, note=note))
    assert has_ended(int(note.read_text()))


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (solver_calls.die_by_kill, "was killed by SIGKILL"),
        (solver_calls.ask_for_too_much_memory, "ended with code 1: MemoryError"),
        (partial(os._exit, 7), "ended with code 7: it said nothing"),
        (partial(int, "three"), "ended with code 1: ValueError: invalid literal"),
    ],
)
def test_a_child_that_dies_is_a_solver_that_failed_and_the_reason_is_told(call, reason):
    with pytest.raises(SolverFailed, match=reason):
        in_child(call)


def test_a_child_that_cannot_start_is_a_solver_that_failed(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(SolverFailed, match="did not start: No such file"):
        in_child(int)


def test_what_a_library_prints_is_no_part_of_the_answer():
    assert in_child(partial(solver_calls.print_and_return, 41)) == 41


def test_an_error_while_waiting_goes_on_and_the_child_is_gone(tmp_path):
    note = tmp_path / "pid"

    def fail_once_it_works():
        if note.exists():
            raise Enough

    with pytest.raises(Enough):
        in_child(partial(solver_calls.hold_the_lock, note=note), meanwhile=fail_once_it_works)
    assert has_ended(int(note.read_text()))


def test_the_loop_of_a_server_goes_on_while_a_child_solves(tmp_path):
    note, answered = tmp_path / "pid", []

    def stop_after_answers():
        if len(answered) > 5:
            raise Enough

    async def serve():
        call = partial(solver_calls.hold_the_lock, note=note)
        solving = asyncio.create_task(asyncio.to_thread(in_child, call, meanwhile=stop_after_answers))
        while not solving.done():
            await asyncio.sleep(0.01)
            if note.exists():
                answered.append("a page")
        await solving

    with pytest.raises(Enough):
        asyncio.run(serve())


def test_a_child_does_not_outlive_a_parent_that_is_killed(tmp_path):
    note = tmp_path / "pid"
    program = f"from {solver_calls.__name__} import wait_for_child; wait_for_child({str(note)!r})"
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=solver.ROOT)
    try:
        wait_until(note.exists)
        child = int(note.read_text())
        assert not has_ended(child)
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: has_ended(child))


def test_a_child_whose_parent_never_kills_it_ends_by_its_alarm():
    child = subprocess.Popen(
        [sys.executable, "-m", solver.CHILD, "-4.5"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=solver.ROOT
    )
    child.communicate(pickle.dumps(solver_calls.hold_the_lock), timeout=PATIENCE_SECONDS)
    assert child.returncode == -signal.SIGALRM


def test_a_child_that_is_asked_to_stop_leaves_that_to_its_parent(tmp_path):
    note, asked = tmp_path / "pid", []

    def ask_to_stop():
        if len(asked) > 1:
            raise Enough
        if note.exists():
            asked.append(os.kill(int(note.read_text()), signal.SIGTERM))

    with pytest.raises(Enough):
        in_child(partial(solver_calls.hold_the_lock, note=note), meanwhile=ask_to_stop)


def test_the_size_that_is_estimated_is_about_that_of_the_network():
    small, large = random_problem(5), random_problem(5, site_count=20, hour_count=72, group_count=20_000)
    for problem in (small, large):
        arcs = len(build_network(problem).tail)
        assert arcs / 5 < count_arcs_at_most(problem) < 5 * arcs
    assert count_arcs_at_most(large) > 50_000 > 100 > count_arcs_at_most(small)
