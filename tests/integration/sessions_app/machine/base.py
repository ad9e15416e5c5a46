"""What the parts of the machine share: a session, its agents, its state, crashes on the way."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from config.kernel.errors import Conflict, DomainError
from sessions_app.domain.words import Component, ItemKind
from sessions_app.models import FINISHED, Handoff
from sessions_app.services.handoffs import carry_on
from sessions_app.services.lives import AgentAsk, join_agent
from sessions_app.services.log import Writer, patch_state
from sessions_app.services.windows.usage import UsageReport
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import instance_of
from tests.integration.sessions_app.machine.witness import Witness, merged
from tests.integration.world import NOW, Team

AGENTS = ("a1", "a2", "a3")
AGENT = st.sampled_from(AGENTS)
CRASH = st.one_of(st.none(), st.integers(1, 12), st.integers(10, 80))
NAME = st.sampled_from(["focus", "tasks", "roles", "x/y~"])
MEMBER = st.sampled_from(["t1", "t2", "~/", ""])
VALUE = st.sampled_from(
    [None, 7, "high water", [1, None], {}, {"t1": {"done": True}}, {"t2": None}, "gauge 1.4 m " * 20]
)
PROTOCOL = st.sampled_from(["coordinated", "graceful", "emergency"])
KIND = st.sampled_from([ItemKind.MESSAGE, ItemKind.DEBUG, ItemKind.FILE, ItemKind.TASK, ItemKind.DOCUMENTATION])
PART = st.sampled_from(list(Component))
SMALL = {
    "checkpoints.every_tokens": 300,
    "checkpoints.keep_hot": 2,
    "checkpoints.body_events": 3,
    "checkpoints.body_percent": 1,
    "checkpoints.log_events": 20,
    "checkpoints.continuity_tokens": 600,
    "handoffs.most_rounds": 2,
    "memory.hot_tokens": 20,
    "memory.hot_bytes": 100,
    "memory.working_minutes": 20,
    "cleanup.large_tokens": 300,
    "cleanup.large_idle_minutes": 10,
    "cleanup.debug_idle_minutes": 15,
    "cleanup.keep_whole_minutes": 2,
}
"""A policy small enough for what it does seldom to happen."""
WINDOW, OUTPUT = 4_000, 400
LIMIT, LIMIT_OF_A1 = 9_000, 3_000
LONG_SESSION = 40


def while_open(self: Base) -> bool:
    """An ended session takes nothing: that has a rule of its own."""
    return not self.has_ended


class Base(RuleBasedStateMachine):
    """A session, its agents and its state. `believed` are epochs that workers think they are in: some were paused."""

    session_id: ClassVar[UUID]
    team: ClassVar[Team]
    budget_of_a1: ClassVar[UUID]

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.now = NOW
        self.asked = 0
        self.believed: dict[str, int] = {}
        self.leases: dict[UUID, datetime] = {}
        self.has_ended = False
        self.refusal: DomainError | None = None
        self.reports: list[tuple[str, UsageReport]] = []
        self.witness = Witness(self.session_id)
        self.witness.look()

    def teardown(self) -> None:
        try:
            self.now += timedelta(days=1)
            for handoff in self.unfinished():
                carry_on(handoff_id=handoff.pk, now=self.now)
            assert not self.unfinished(), "every handoff ends"
            self.witness.look(at_all=True)
        finally:
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)

    @property
    def who(self) -> dict[str, Any]:
        return {"session_id": self.session_id, "team_id": self.team.team_id, "actor": "test"}

    def fresh(self, name: str) -> str:
        self.asked += 1
        return f"{name} {self.asked}"

    def unfinished(self) -> list[Handoff]:
        return list(Handoff.objects.filter(session=self.session_id).exclude(phase__in=FINISHED))

    def is_paused(self, agent: str) -> bool:
        return self.believed[agent] != instance_of(self.session_id, agent).epoch

    def attempt(self, work: Callable[[], Any], crash: int | None, *, due: Any = None, in_steps: bool = False) -> Any:
        """Do it, to the end or to a crash on the way; then again, as a worker does that hears no answer.

        A crash leaves nothing of it, but for what goes `in_steps`. `due` is the state that it leads to.
        Returns None where it is refused.
        """
        before = self.witness.rows() if crash is not None else []
        self.witness.due = due
        try:
            with crashing_at(crash):
                return self._done(work)
        except Crash:
            self.witness.due = None
            is_as_before = self.witness.rows() == before
            assert in_steps or is_as_before, "a crash leaves nothing"
            self.witness.look()
        self.witness.due = due
        return self._done(work)

    def _done(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except DomainError as refusal:
            self.refusal = refusal
            return None

    def fenced(self, agent: str, work: Callable[[], Any]) -> bool:
        """Whether the worker is a paused one; then all that it tries is refused."""
        if not self.is_paused(agent):
            return False
        with pytest.raises(Conflict) as refused:
            work()
        assert refused.value.code == "stale_epoch"
        self.witness.look()
        return True

    @invariant()
    def nothing_is_lost(self) -> None:
        self.witness.look()

    @initialize(crash=CRASH)
    def begins(self, crash: int | None) -> None:
        for agent in AGENTS[:2]:
            self.join(agent, crash)

    @precondition(lambda self: not self.has_ended and set(AGENTS) - set(self.believed))
    @rule(agent=AGENT, crash=CRASH)
    def join(self, agent: str, crash: int | None) -> None:
        ask = AgentAsk(
            agent=agent,
            role="analyst",
            window_tokens=WINDOW,
            max_output_tokens=OUTPUT,
            budget_id=self.budget_of_a1 if agent == "a1" else None,
        )
        joined = self.attempt(lambda: join_agent(**self.who, ask=ask, now=self.now), crash)
        assert (joined is None) == (agent in self.believed)
        self.believed.setdefault(agent, 1)

    @precondition(while_open)
    @rule(name=NAME, member=MEMBER, value=VALUE, whole=st.booleans(), is_stale=st.booleans(), crash=CRASH)
    def merge(self, name: str, member: str, value: Any, whole: bool, is_stale: bool, crash: int | None) -> None:
        delta = {name: value if whole else {member: value}}
        self.write("merge", delta, merged(self.witness.state, delta), crash, is_stale=is_stale)

    @precondition(while_open)
    @rule(name=NAME, member=MEMBER, value=VALUE, how=st.sampled_from(["put", "take", "test", "fail"]), crash=CRASH)
    def patch(self, name: str, member: str, value: Any, how: str, crash: int | None) -> None:
        """RFC 6902, done by hand beside."""
        after, path = deepcopy(self.witness.state), "/" + name.replace("~", "~0").replace("/", "~1")
        operations: list[dict[str, Any]] = []
        if how in ("test", "fail"):
            wanted = deepcopy(after.get(name)) if how == "test" else {"not": ["this"]}
            operations.append({"op": "test", "path": path, "value": wanted})
        if how == "take" and name in after:
            operations.append({"op": "remove", "path": path})
            del after[name]
        elif isinstance(after.get(name), dict):
            path += "/" + member.replace("~", "~0").replace("/", "~1")
            operations.append({"op": "add", "path": path, "value": value})
            after[name][member] = value
        else:
            operations.append({"op": "add", "path": path, "value": value})
            after[name] = value
        is_refused = how == "fail" or (how == "test" and name not in self.witness.state)
        self.write("patch", operations, after, crash, is_refused=is_refused)

    def write(
        self,
        format: str,
        delta: Any,
        after: dict[str, Any],
        crash: int | None,
        *,
        is_stale: bool = False,
        is_refused: bool = False,
    ) -> None:
        """By somebody who is no agent; delivered twice, it is stored once."""
        key, base = self.fresh("write"), self.witness.head - is_stale
        values = {"base_seq": base, "format": format, "delta": delta, "writer": Writer(actor="test"), "key": key}
        who = {"session_id": self.session_id, "team_id": self.team.team_id, "now": self.now}
        stored = self.attempt(lambda: patch_state(**who, **values), crash, due=after)
        assert (stored is None) == (is_stale or is_refused)
        if stored is not None:
            assert patch_state(**who, **values).seq == stored.seq == self.witness.head + 1

    @precondition(while_open)
    @rule(name=NAME, member=MEMBER, value=VALUE, crash=CRASH)
    def rebase(self, name: str, member: str, value: Any, crash: int | None) -> None:
        """A writer that is late is taken where nobody touched the same."""
        delta = {name: {member: value}}
        values = {"base_seq": max(0, self.witness.head - 3), "format": "merge", "delta": delta, "may_rebase": True}
        who = {"session_id": self.session_id, "team_id": self.team.team_id, "now": self.now}
        due = merged(self.witness.state, delta)
        self.attempt(lambda: patch_state(**who, **values, writer=Writer(actor="test")), crash, due=due)
