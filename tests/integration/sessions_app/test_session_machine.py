"""A whole session in any order, with a crash at any statement of any of its operations: nothing of it is ever lost.

By default a fixed walk that reaches everything and a few random ones; SESSION_MACHINE_EXAMPLES asks for more of these.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from sessions_app.domain.words import Component, FactKind, ItemKind
from sessions_app.models import Archive, Handoff, Session
from tests.integration.sessions_app.desk import open_desk
from tests.integration.sessions_app.machine.base import (
    AGENTS,
    LIMIT,
    LIMIT_OF_A1,
    SMALL,
)
from tests.integration.sessions_app.machine.handoffs import Handoffs
from tests.integration.sessions_app.machine.memory import Memory
from tests.integration.sessions_app.machine.windows import Windows
from tests.integration.world import load_world, make_budget, make_team

HOW = settings(
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


class Lives(Windows, Memory, Handoffs):
    """All of it in any order."""


def _open() -> None:
    load_world()
    Lives.team = make_team()
    budget_id = make_budget(Lives.team, LIMIT)
    Lives.budget_of_a1 = make_budget(Lives.team, LIMIT_OF_A1, name="a1", parent_id=budget_id)
    Lives.session_id = open_desk(Lives.team, state={"focus": "dyke"}, budget_id=budget_id)
    Session.objects.filter(pk=Lives.session_id).update(overrides=SMALL)


@pytest.mark.django_db
def test_no_order_of_anything_with_crashes_loses_anything_of_a_session():
    _open()
    examples = int(os.environ.get("SESSION_MACHINE_EXAMPLES", "4"))
    run_state_machine_as_test(Lives, settings=settings(HOW, max_examples=examples, stateful_step_count=40))


WANTED = {
    *("session.opened", "session.ended", "agent.joined", "state.changed", "usage.recorded", "rung.reached"),
    *("allocation.decided", "item.loaded", "item.removed", "item.restored", "item.changed", "cleanup.done"),
    *("tier.moved", "fact.recorded", "fact.pinned", "checkpoint.made", "checkpoint.restored", "log.archived"),
    *("handoff.begun", "handoff.voted", "handoff.moved", "handoff.completed", "handoff.aborted"),
}
"""What the walk reaches, as the log tells it."""


class Walk:
    """Calls rules of a machine in a fixed order, each with a crash at some statement, and looks after each."""

    def __init__(self, machine: Lives):
        self.machine = machine
        self.chance = Random(7)

    def __getattr__(self, name: str) -> Callable[..., None]:
        work = getattr(self.machine, name)

        def go(*values: Any) -> None:
            is_crashing = "crash" in work.__code__.co_varnames
            work(*values, *([self.chance.randint(1, 40)] if is_crashing else []))
            self.machine.nothing_is_lost()

        return go


def _work(walk: Walk) -> None:
    """Facts, things in windows, calls, a state that spreads over the tiers; all of it cleaned up, and back again."""
    for is_pinned, instead in ((True, None), (False, None), (False, 1)):
        walk.fact(FactKind.DECISION, "a1", is_pinned, instead)
    walk.pin(1, True)
    walk.load("a1", 0, ItemKind.INSTRUCTION, Component.SYSTEM, 3, True, True)
    walk.load("a1", 1, ItemKind.DEBUG, Component.KNOWLEDGE, 12, True, False)
    walk.load("a1", 2, ItemKind.FILE, Component.KNOWLEDGE, 40, True, False)
    walk.load("a1", 3, ItemKind.FILE, Component.KNOWLEDGE, 12, False, False)
    walk.load("a1", 5, ItemKind.DEBUG, Component.KNOWLEDGE, 3, True, True)
    walk.load("a2", 1, ItemKind.TASK, Component.AGENT, 3, True, False)
    for how in ("pin", "unpin", "finish", "drop"):
        walk.change(5, how)
    for agent, tokens in (("a1", 400), ("a2", 400), ("a2", 2_500), ("a1", 2_500)):
        walk.reserve(agent, tokens)
    walk.report("a1", 0, (90, 60), 1, "tasks")
    walk.report("a2", None, (90, 700), None, None)
    walk.report_again(0)
    walk.release(0)
    for name, value in (("x/y~", "gauge 1.4 m " * 20), ("tasks", {"t1": {"done": True}}), ("focus", "high water")):
        walk.merge(name, "t2", value, False, False)
    walk.merge("tasks", "t2", 7, False, True)
    for how in ("put", "test", "fail", "take"):
        walk.patch("tasks", "t2", [1, None], how)
    walk.rebase("roles", "t1", 7)
    walk.ask_for_room("a2", Component.AGENT, 10)
    walk.offload("a1")
    for _ in range(2):
        walk.wait(1_000)
        walk.tend()
    for name in ("focus", "roles", "focus", "roles"):  # while other parts are in archives
        walk.merge(name, "t1", 7, False, False)
    walk.clean("a1", 0)
    walk.load_parts()
    for number in range(len(walk.machine.witness.archives)):
        walk.bring_back(number)
    walk.load("a1", 1, ItemKind.DEBUG, Component.KNOWLEDGE, 3, True, False)  # brought back, replaced, gone again
    walk.load("a1", 1, ItemKind.FILE, Component.KNOWLEDGE, 3, True, False)
    walk.lapse()
    walk.report("a1", 0, (1, 60), None, None)
    walk.lapse()


def _go_back(walk: Walk) -> None:
    """Checkpoints hot and archived; a log in archives; back to what it was at either."""
    for is_made_up in (True, False, False):
        walk.checkpoint(is_made_up)
    walk.due_checkpoints()
    walk.archive()
    walk.go_back(4)
    walk.go_back_to_checkpoint(0)
    walk.go_back_to_checkpoint(-1)


def _hand_over(walk: Walk) -> None:
    """Refused, complete with a hold under way, overtaken, aborted by a person, and too late."""
    walk.begin("coordinated")
    walk.carry_on(False)
    walk.vote("a2", "refused")
    walk.carry_on(False)
    walk.reserve("a2", 40)
    walk.begin("graceful")
    walk.carry_on(True)
    walk.reserve("a2", 40)  # by a worker that was paused, as what follows: refused
    walk.ask_for_room("a2", Component.AGENT, 10)
    walk.load("a1", 5, ItemKind.TASK, Component.AGENT, 3, True, False)
    walk.report("a2", 0, (90, 60), 2, "roles")
    for _ in AGENTS:
        walk.wake()
    walk.report("a2", 0, (90, 60), 2, "roles")
    walk.begin("coordinated")
    walk.begin("emergency")
    walk.step(2)
    walk.merge("focus", "t1", 7, True, False)
    walk.carry_on(False)
    walk.begin("graceful")
    walk.carry_on(True)
    for _ in AGENTS:
        walk.wake()
    walk.begin("graceful")
    walk.step(2)
    walk.abort()
    walk.begin("coordinated")
    walk.carry_on(False)
    walk.wait(301)
    walk.carry_on(False)


def _fill_up(walk: Walk) -> None:
    """The window fills until it takes nothing more; what that begins is carried on."""
    for number in range(6, 10):
        walk.load("a3", number, ItemKind.MESSAGE, Component.INTERACTION, 40, True, False)
    for _ in range(3):
        walk.report("a3", None, (1_500, 700), None, None)
    walk.load("a3", 4, ItemKind.MESSAGE, Component.INTERACTION, 40, True, False)


@pytest.mark.django_db
def test_a_session_that_lives_through_everything_with_crashes_on_the_way_loses_nothing():
    _open()
    machine = Lives()
    walk = Walk(machine)
    try:
        walk.begins()
        walk.join("a3")
        _work(walk)
        _go_back(walk)
        _hand_over(walk)
        _fill_up(walk)
        assert machine.unfinished(), "a full window begins a handoff"
        walk.end()
        walk.write_after_the_end()
        walk.report_again(1)
        assert {line["kind"] for line in machine.witness.lines} >= WANTED
        phases = Handoff.objects.filter(session=machine.session_id).values_list("phase", flat=True)
        assert (list(phases).count("complete"), list(phases).count("aborted")) == (2, 4)
        kinds = Archive.objects.filter(session=machine.session_id).values_list("kind", flat=True)
        assert set(kinds) == {"events", "item", "state", "checkpoint"}
    finally:
        machine.teardown()
