"""Handoffs, time, and the end."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from config.kernel.errors import Conflict
from sessions_app.services.cleanup.cleaning import CleanupAsk, clean_up
from sessions_app.services.handoffs import Ballot, abort_handoff, advance, carry_on, vote
from sessions_app.services.lives import end_session
from sessions_app.services.log.archiving import archive_log
from sessions_app.services.windows.usage import UsageReport
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import instance_of
from tests.integration.sessions_app.handing import begin
from tests.integration.sessions_app.machine.base import (
    AGENT,
    CRASH,
    LONG_SESSION,
    PROTOCOL,
    Base,
    while_open,
)


class Handoffs(Base):
    """Agents go over to others while everything else goes on."""

    @precondition(while_open)
    @rule(protocol=PROTOCOL, crash=CRASH)
    def begin(self, protocol: str, crash: int | None) -> None:
        """Or overtake: an emergency takes over what is under way."""
        under_way = self.unfinished()
        handoff = self.attempt(lambda: begin(self.session_id, protocol, now=self.now), crash)
        if under_way:
            assert handoff.pk == under_way[0].pk
            assert handoff.protocol == ("emergency" if protocol == "emergency" else under_way[0].protocol)

    @precondition(lambda self: self.unfinished())
    @rule(agent=AGENT, word=st.sampled_from(["ready", "ready", "refused"]), crash=CRASH)
    def vote(self, agent: str, word: str, crash: int | None) -> None:
        if agent not in self.believed:
            return
        (handoff,) = self.unfinished()
        ballot = Ballot(agent=agent, epoch=self.believed[agent], vote=word, reason="busy")
        self.attempt(lambda: vote(**self.who, number=handoff.number, ballot=ballot, now=self.now), crash)

    @precondition(lambda self: self.unfinished())
    @rule(steps=st.integers(1, 5), crash=CRASH)
    def step(self, steps: int, crash: int | None) -> None:
        """A crash on the way leaves the rest to whoever comes next."""
        for handoff in self.unfinished():
            with suppress(Crash), crashing_at(crash):
                for _ in range(steps):
                    advance(handoff_id=handoff.pk, now=self.now)

    @precondition(lambda self: self.unfinished())
    @rule(all_ready=st.booleans(), crash=CRASH)
    def carry_on(self, all_ready: bool, crash: int | None) -> None:
        for agent in self.believed if all_ready else ():
            self.vote(agent, "ready", None)
        for handoff in self.unfinished():
            self.attempt(lambda: carry_on(handoff_id=handoff.pk, now=self.now), crash, in_steps=True)  # noqa: B023

    @precondition(lambda self: self.unfinished())
    @rule(crash=CRASH)
    def abort(self, crash: int | None) -> None:
        (handoff,) = self.unfinished()
        values = {**self.who, "number": handoff.number, "reason": "enough", "now": self.now}
        assert self.attempt(lambda: abort_handoff(**values), crash).phase == "aborted"

    @rule(seconds=st.sampled_from([-3600, -1, 1, 30, 61, 301, 1_000]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: any(self.is_paused(each) for each in self.believed))
    @rule()
    def wake(self) -> None:
        """A paused worker learns in which epoch its agent is."""
        agent = next(each for each in self.believed if self.is_paused(each))
        self.believed[agent] = instance_of(self.session_id, agent).epoch

    @precondition(lambda self: not self.has_ended and self.witness.head > LONG_SESSION)
    @rule(crash=CRASH)
    def end(self, crash: int | None) -> None:
        """From then on nothing is taken but what settles accounts."""
        assert self.attempt(lambda: end_session(**self.who, now=self.now), crash) is not None
        self.has_ended = True
        assert not self.unfinished()

    @precondition(lambda self: self.has_ended)
    @rule()
    def write_after_the_end(self) -> None:
        for work in (
            lambda: begin(self.session_id, now=self.now),
            lambda: clean_up(**self.who, ask=CleanupAsk(target_tokens=0), now=self.now),
            lambda: self.tell("a1", UsageReport(call_id=self.fresh("call"), input_tokens=5, output_tokens=0)),
            lambda: archive_log(session_id=self.session_id, now=self.now),
        ):
            with pytest.raises(Conflict) as refused:
                work()
            assert refused.value.code == "session_ended"
