"""Facts, checkpoints, cleanup, tiers and archives."""

from __future__ import annotations

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from sessions_app.domain.words import FactKind, Reason
from sessions_app.models import Checkpoint, StateItem
from sessions_app.services.checkpoints import (
    CheckpointAsk,
    Said,
    ask_checkpoint,
    make_due_checkpoints,
    restore_checkpoint,
)
from sessions_app.services.checkpoints import restore as lead_back
from sessions_app.services.cleanup.cleaning import CleanupAsk, clean_up
from sessions_app.services.cleanup.cleaning import restore as bring_back
from sessions_app.services.cleanup.tending import tend_session
from sessions_app.services.log import Writer, locked
from sessions_app.services.log.archiving import archive_log
from sessions_app.services.memory.facts import FactAsk, Teller, pin_fact, record_fact
from sessions_app.services.tiers import load_items as load_parts
from sessions_app.services.tiers import offload
from tests.integration.sessions_app.desk import instance_of, session_of
from tests.integration.sessions_app.machine.base import (
    AGENT,
    CRASH,
    SMALL,
    Base,
    while_open,
)


class Memory(Base):
    """Facts stay, states of the past come back."""

    @precondition(while_open)
    @rule(
        kind=st.sampled_from(FactKind),
        agent=st.one_of(st.none(), AGENT),
        is_pinned=st.booleans(),
        instead=st.one_of(st.none(), st.integers(1, 12)),
        crash=CRASH,
    )
    def fact(self, kind: FactKind, agent: str | None, is_pinned: bool, instead: int | None, crash: int | None) -> None:
        agent = agent if agent in self.believed else None
        old = self.witness.facts.get(instead or 0)
        ask = FactAsk(
            kind=kind,
            text=f"{self.fresh('Gate')} stays open.",
            is_pinned=is_pinned,
            supersedes=instead if old else None,
        )
        teller = Teller(actor="test", agent=agent or "", epoch=self.believed[agent] if agent else None)
        values = {"session_id": self.session_id, "team_id": self.team.team_id, "teller": teller, "now": self.now}
        if agent and self.fenced(agent, lambda: record_fact(ask=ask, **values)):
            return
        number = self.attempt(lambda: record_fact(ask=ask, **values), crash)
        if number is None:
            assert self.refusal is not None
            assert self.refusal.code in ("pins_full", "superseded")
            return
        assert number == len(self.witness.facts) + 1
        self.witness.facts[number] = (ask.text, is_pinned or bool(old and old[1]), None)
        if old and instead:
            self.witness.facts[instead] = (*old[:2], number)

    @precondition(lambda self: not self.has_ended and self.witness.facts)
    @rule(which=st.integers(0, 20), is_pinned=st.booleans(), crash=CRASH)
    def pin(self, which: int, is_pinned: bool, crash: int | None) -> None:
        number = 1 + which % len(self.witness.facts)
        values = {**self.who, "number": number, "is_pinned": is_pinned, "now": self.now}
        self.refusal = None
        self.attempt(lambda: pin_fact(**values), crash)
        if self.refusal is None:
            text, _, successor = self.witness.facts[number]
            self.witness.facts[number] = (text, is_pinned, successor)

    @precondition(while_open)
    @rule(is_made_up=st.booleans(), crash=CRASH)
    def checkpoint(self, is_made_up: bool, crash: int | None) -> None:
        """Asked for, once per key; a summary that says what nobody said is not taken."""
        said = Said(summary="The dam broke on 9 May.", source="The dam holds.") if is_made_up else Said()
        ask = CheckpointAsk(
            session_id=self.session_id,
            team_id=self.team.team_id,
            reason=Reason.MANUAL,
            writer=Writer(actor="test"),
            said=said,
        )
        kept = self.attempt(lambda: ask_checkpoint(ask=ask, now=self.now), crash)
        assert kept.checkpoint_id == ask_checkpoint(ask=ask, now=self.now).checkpoint_id
        row = Checkpoint.objects.get(pk=kept.checkpoint_id)
        assert row.keeps_text or not is_made_up

    @precondition(while_open)
    @rule(crash=CRASH)
    def due_checkpoints(self, crash: int | None) -> None:
        self.attempt(lambda: make_due_checkpoints(now=self.now), crash)

    @precondition(while_open)
    @rule(which=st.integers(0, 200), crash=CRASH)
    def go_back(self, which: int, crash: int | None) -> None:
        """To any point of the log, archived or not."""
        to_seq = 1 + which % self.witness.head
        values = {"session_id": self.session_id, "team_id": self.team.team_id, "writer": Writer(actor="test")}
        done = self.attempt(lambda: lead_back(**values, to_seq=to_seq, now=self.now), crash)
        assert (done.to_seq, done.seq) == (to_seq, self.witness.head + 1)

    @precondition(lambda self: not self.has_ended and self.witness.checkpoints)
    @rule(which=st.integers(0, 200), crash=CRASH)
    def go_back_to_checkpoint(self, which: int, crash: int | None) -> None:
        number = sorted(self.witness.checkpoints)[which % len(self.witness.checkpoints)]
        values = {"session_id": self.session_id, "team_id": self.team.team_id, "writer": Writer(actor="test")}
        done = self.attempt(lambda: restore_checkpoint(**values, checkpoint_id=number, now=self.now), crash)
        assert done.to_seq == Checkpoint.objects.get(pk=number).seq

    @precondition(while_open)
    @rule(agent=st.one_of(st.none(), AGENT), most=st.sampled_from([None, 0, 300, 1_500]), crash=CRASH)
    def clean(self, agent: str | None, most: int | None, crash: int | None) -> None:
        agent = agent if agent in self.believed else None
        ask = CleanupAsk(agent=agent, epoch=self.believed[agent] if agent else None, target_tokens=most)
        if agent and self.fenced(agent, lambda: clean_up(**self.who, ask=ask, now=self.now)):
            return
        assert self.attempt(lambda: clean_up(**self.who, ask=ask, now=self.now), crash) is not None

    @precondition(while_open)
    @rule(crash=CRASH)
    def tend(self, crash: int | None) -> None:
        """What nobody asks for: cleanup by age, tiers."""
        assert self.attempt(lambda: tend_session(session_id=self.session_id, now=self.now), crash) is not None

    @precondition(while_open)
    @rule(agent=AGENT, crash=CRASH)
    def offload(self, agent: str, crash: int | None) -> None:
        @transaction.atomic
        def work() -> int:
            session = locked(self.session_id)
            return offload(session, instance_of(self.session_id, agent), actor="test", now=self.now)

        if agent in self.believed:
            assert self.attempt(work, crash) is not None

    @precondition(while_open)
    @rule(crash=CRASH)
    def load_parts(self, crash: int | None) -> None:
        keys = list(StateItem.objects.filter(session=self.session_id).values_list("key", flat=True).order_by("key"))[:4]
        read = self.attempt(lambda: load_parts(**self.who, keys=keys, now=self.now), crash)
        assert [each.key for each in read] == keys

    @precondition(lambda self: not self.has_ended and self.witness.archives)
    @rule(which=st.integers(0, 200), crash=CRASH)
    def bring_back(self, which: int, crash: int | None) -> None:
        """What an archive holds, where it can be: else that is said, and nothing happens."""
        number = sorted(self.witness.archives)[which % len(self.witness.archives)]
        self.attempt(lambda: bring_back(**self.who, archive_id=number, now=self.now), crash)

    @precondition(while_open)
    @rule(crash=CRASH)
    def archive(self, crash: int | None) -> None:
        self.attempt(lambda: archive_log(session_id=self.session_id, now=self.now), crash)
        session = session_of(self.session_id)
        assert session.head_seq - session.archived_seq <= SMALL["checkpoints.log_events"]
