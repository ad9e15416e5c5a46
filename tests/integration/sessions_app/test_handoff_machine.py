"""Any order of calls, votes, crashes and clock steps: one active life of an agent, every call and hold counted once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from budgets.domain.units import Amounts
from budgets.models import Budget
from budgets.selectors import list_ledger_differences
from config.kernel.errors import Conflict, DomainError
from sessions_app.models import FINISHED, Event, Handoff, HandoffMember, InstanceHold, Session, Usage
from sessions_app.selectors.state import get_state, get_state_at
from sessions_app.services.handoffs import Ballot, abort_handoff, advance, carry_on, vote
from sessions_app.services.windows.holds import HoldAsk, reserve
from sessions_app.services.windows.usage import UsageReport, record_usage
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.sessions_app.handing import STATE, assert_sound, begin, fill, open_holds, patch
from tests.integration.world import NOW, Team, load_world, make_budget, make_team

AGENTS = ("a1", "a2", "a3")
AGENT = st.sampled_from(AGENTS)
CRASH = st.one_of(st.none(), st.integers(1, 60))
PROTOCOL = st.sampled_from(["coordinated", "graceful", "emergency"])
SMALL = {"checkpoints.every_tokens": 300, "checkpoints.keep_hot": 2, "handoffs.most_rounds": 2}
"""A policy small enough for what it does seldom to happen."""
HOW = settings(
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class Handoffs(RuleBasedStateMachine):
    """A session of three agents. `believed` are the epochs that workers think they are in: some are paused."""

    session_id: ClassVar[UUID]
    team: ClassVar[Team]
    budget_id: ClassVar[UUID]

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.now = NOW
        self.calls: dict[str, tuple[str, int]] = {}
        self.asked = 0
        self.believed = dict.fromkeys(AGENTS, 1)

    def teardown(self) -> None:
        try:
            self.now += timedelta(days=1)
            for handoff in self.unfinished():
                carry_on(handoff_id=handoff.pk, now=self.now)
            assert not self.unfinished(), "every handoff ends"
            self.all_is_sound()
        finally:
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)

    def unfinished(self) -> list[Handoff]:
        return list(Handoff.objects.filter(session=self.session_id).exclude(phase__in=FINISHED))

    def paused(self) -> list[str]:
        return [each for each in AGENTS if self.believed[each] != instance_of(self.session_id, each).epoch]

    def attempt(self, work: Callable[[], Any], crash: int | None) -> Any:
        """Do it; after a crash on the way it is done again, as a worker would that hears no answer."""
        with suppress(Crash, DomainError), crashing_at(crash):
            return work()
        assert_sound(self.session_id)
        with suppress(DomainError):
            return work()

    @invariant()
    def all_is_sound(self) -> None:
        assert_sound(self.session_id)
        session = session_of(self.session_id)
        numbers = Event.objects.filter(session=session).order_by("seq").values_list("seq", flat=True)
        assert list(numbers) == list(range(1, session.head_seq + 1))
        assert get_state_at(session.pk, session.head_seq).state == get_state(session.pk).state
        used = {each.call_id: each.input_tokens + each.output_tokens for each in Usage.objects.filter(session=session)}
        assert used == {call_id: tokens for call_id, (_, tokens) in self.calls.items()}, "every call counts once"
        budget = Budget.objects.get(pk=self.budget_id)
        held = InstanceHold.objects.filter(session=session, is_open=True)
        assert budget.reserved == sum(held.values_list("tokens", flat=True)), "reserved = open holds"
        assert budget.spent == sum(used.values()), "spent = what the calls took"
        assert not list_ledger_differences()

    @initialize(protocol=PROTOCOL, tokens=st.integers(1, 500))
    def is_at_work(self, protocol: str, tokens: int) -> None:
        for agent in AGENTS:
            self.call(agent, tokens, None)
        self.begin(protocol, None)

    @rule(protocol=PROTOCOL, crash=CRASH)
    def begin(self, protocol: str, crash: int | None) -> None:
        under_way = self.unfinished()
        handoff = self.attempt(lambda: begin(self.session_id, protocol, now=self.now), crash)
        if under_way:
            assert handoff.pk == under_way[0].pk

    @precondition(lambda self: self.unfinished())
    @rule(agent=AGENT, word=st.sampled_from(["ready", "ready", "ready", "refused"]), crash=CRASH)
    def vote(self, agent: str, word: str, crash: int | None) -> None:
        for handoff in self.unfinished():
            ballot = Ballot(agent=agent, epoch=self.believed[agent], vote=word, reason="busy")
            values = {"session_id": self.session_id, "team_id": self.team.team_id, "number": handoff.number}
            self.attempt(lambda: vote(**values, ballot=ballot, actor="test", now=self.now), crash)  # noqa: B023

    @precondition(lambda self: self.unfinished())
    @rule(crash=CRASH)
    def step(self, crash: int | None) -> None:
        """One step: a crash in it leaves the rest to whoever comes next."""
        for handoff in self.unfinished():
            with suppress(Crash), crashing_at(crash):
                advance(handoff_id=handoff.pk, now=self.now)

    @precondition(lambda self: self.unfinished())
    @rule(crash=CRASH)
    def carry_on(self, crash: int | None) -> None:
        for handoff in self.unfinished():
            self.attempt(lambda: carry_on(handoff_id=handoff.pk, now=self.now), crash)  # noqa: B023

    @precondition(lambda self: self.unfinished())
    @rule(crash=CRASH)
    def all_ready(self, crash: int | None) -> None:
        for agent in AGENTS:
            self.vote(agent, "ready", None)
        self.carry_on(crash)

    @precondition(lambda self: self.unfinished())
    @rule(steps=st.integers(1, 6), crash=CRASH)
    def written_meanwhile(self, steps: int, crash: int | None) -> None:
        """Somebody writes between two of its steps."""
        for agent in AGENTS:
            self.vote(agent, "ready", None)
        for _ in range(steps):
            self.step(None)
        self.write("a", crash)
        self.step(crash)

    @precondition(lambda self: self.unfinished())
    @rule(crash=CRASH)
    def abort(self, crash: int | None) -> None:
        for handoff in self.unfinished():
            values = {"session_id": self.session_id, "team_id": self.team.team_id, "number": handoff.number}
            self.attempt(lambda: abort_handoff(**values, reason="enough", actor="test", now=self.now), crash)  # noqa: B023

    @rule(seconds=st.sampled_from([-3600, -1, 1, 4, 30, 61, 301]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(text=st.text("ab ", max_size=5), crash=CRASH)
    def write(self, text: str, crash: int | None) -> None:
        self.attempt(lambda: patch(self.session_id, {"tasks": {"t2": {"text": text}}}, now=self.now), crash)

    @precondition(lambda self: self.paused())
    @rule()
    def wake(self) -> None:
        """A paused worker learns in which epoch its agent is."""
        for agent in self.paused()[:1]:
            self.believed[agent] = instance_of(self.session_id, agent).epoch

    @rule(agent=AGENT, tokens=st.integers(1, 3000), crash=CRASH)
    def call(self, agent: str, tokens: int, crash: int | None) -> None:
        """A call that holds first and is told later, by whoever the agent is then."""
        is_stale = self.believed[agent] != instance_of(self.session_id, agent).epoch
        self.asked += 1
        ask = HoldAsk(
            agent=agent,
            epoch=self.believed[agent],
            amounts=Amounts(tokens=tokens, carbon_ug=0, micro_usd=0),
            lease_expires_at=self.now + timedelta(days=9),
            reference=f"call {self.asked}",
        )
        values = {"session_id": self.session_id, "team_id": self.team.team_id}
        if is_stale:
            with pytest.raises(Conflict) as refused:
                reserve(**values, ask=ask, actor="test", now=self.now)
            assert refused.value.code == "stale_epoch"
            return
        self.attempt(lambda: reserve(**values, ask=ask, actor="test", now=self.now), crash)

    @precondition(lambda self: open_holds(self.session_id))
    @rule(which=st.integers(0, 9), crash=CRASH)
    def report(self, which: int, crash: int | None) -> None:
        """An open hold is settled by the call that it was for, also if its agent has handed over meanwhile."""
        holds = sorted(open_holds(self.session_id).items())
        hold_id, (agent, _) = holds[which % len(holds)]
        tokens = InstanceHold.objects.get(pk=hold_id).tokens
        call_id = f"{hold_id}"
        report = UsageReport(call_id=call_id, input_tokens=tokens, output_tokens=0, hold_id=hold_id)
        is_stale = self.believed[agent] != instance_of(self.session_id, agent).epoch
        told = self.attempt(lambda: self.tell(agent, report), crash)
        assert (told is None) == is_stale
        if told is not None:
            self.calls[call_id] = (agent, tokens)

    @precondition(lambda self: self.calls)
    @rule(which=st.integers(0, 9))
    def report_again(self, which: int) -> None:
        """Delivered twice, by a worker of whatever epoch: counted once."""
        call_id, (agent, tokens) = sorted(self.calls.items())[which % len(self.calls)]
        report = UsageReport(call_id=call_id, input_tokens=tokens, output_tokens=0, hold_id=UUID(call_id))
        assert self.tell(agent, report).was_replayed

    def tell(self, agent: str, report: UsageReport) -> Any:
        return record_usage(
            session_id=self.session_id,
            team_id=self.team.team_id,
            agent=agent,
            epoch=self.believed[agent],
            report=report,
            actor="test",
            now=self.now,
        )


def _open() -> None:
    load_world()
    Handoffs.team = make_team()
    Handoffs.budget_id = make_budget(Handoffs.team, 10_000_000)
    Handoffs.session_id = open_desk(Handoffs.team, *AGENTS, state=STATE, budget_id=Handoffs.budget_id)
    Session.objects.filter(pk=Handoffs.session_id).update(overrides=SMALL)
    for agent in AGENTS:
        fill(Handoffs.session_id, agent)


@pytest.mark.django_db
def test_no_order_of_calls_votes_and_crashes_loses_anything():
    _open()
    run_state_machine_as_test(Handoffs, settings=settings(HOW, max_examples=10, stateful_step_count=25))


@pytest.mark.django_db
def test_holds_outlive_two_handoffs_and_are_settled_by_who_has_them_then():
    """An order that chance seldom finds."""
    _open()
    machine = Handoffs()
    try:
        for agent in AGENTS:
            machine.call(agent, 500, None)
        for protocol in ("coordinated", "emergency"):
            machine.begin(protocol, None)
            machine.all_ready(None)
            machine.report(0, None)  # by a worker that was paused: refused
            while machine.paused():
                machine.wake()
            machine.report(0, 7)
            machine.all_is_sound()
        assert len(machine.calls) == 2
        assert HandoffMember.objects.filter(handoff__session=machine.session_id, handoff__phase="complete").count() == 6
    finally:
        machine.teardown()
