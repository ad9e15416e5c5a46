"""Who remembers what a session was told, apart from it: whatever happens later, all of it is still there."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from budgets.models import Budget, Hold, LedgerEntry
from budgets.selectors import list_ledger_differences
from config.kernel.errors import Conflict
from sessions_app.domain.deltas import digest_of, items_of
from sessions_app.models import (
    FINISHED,
    Archive,
    Checkpoint,
    ContextItem,
    Event,
    Fact,
    Handoff,
    HandoffMember,
    Instance,
    InstanceHold,
    Session,
    StateItem,
    Usage,
)
from sessions_app.selectors.archives import read_body
from sessions_app.selectors.checkpoints import content_of, get_checkpoint
from sessions_app.selectors.policies import terms_of
from sessions_app.selectors.state import get_state, get_state_at, lines_between
from sessions_app.services.log import Writer, patch_state
from tests.integration.sessions_app.desk import session_of
from tests.integration.sessions_app.handing import assert_sound

State = dict[str, Any]
CHANGING = (
    *(Session, Instance, Event, StateItem, ContextItem, Usage, InstanceHold, Fact, Checkpoint, Handoff, HandoffMember),
    *(Budget, Hold),
)
ROUND = 5
"""What was looked at before is looked at again every so many times, and all of it at the end."""


@dataclass(frozen=True, slots=True)
class Held:
    """A hold as it was placed: where, and how many tokens."""

    budget_id: UUID
    agent: str
    tokens: int


@dataclass(slots=True)
class Remembered:
    """A thing in a window: its text (empty where only the size was told), and whether it is pinned."""

    text: str
    is_pinned: bool


@dataclass(slots=True)
class Witness:
    """What was told, and what came of it. `due` is the state after the next delta, if one is under way."""

    session_id: UUID
    due: State | None = None
    lines: list[dict[str, Any]] = field(default_factory=list)
    states: list[State] = field(default_factory=lambda: [{}])
    calls: dict[str, int] = field(default_factory=dict)
    holds: dict[UUID, Held] = field(default_factory=dict)
    lapsed: set[UUID] = field(default_factory=set)
    spent: dict[UUID, int] = field(default_factory=dict)
    facts: dict[int, tuple[str, bool, int | None]] = field(default_factory=dict)
    items: dict[tuple[str, str], Remembered] = field(default_factory=dict)
    replaced: set[tuple[str, str]] = field(default_factory=set)
    archives: dict[int, tuple[bytes, str]] = field(default_factory=dict)
    checkpoints: dict[int, str] = field(default_factory=dict)
    looks: int = 0
    entries: int = 0

    @property
    def head(self) -> int:
        return len(self.lines)

    @property
    def state(self) -> State:
        """The state as it has to be."""
        return self.states[-1]

    def look(self, *, at_all: bool = False) -> None:
        """Note what is new, then hold everything that was ever told to the invariants."""
        self.looks += 1
        session = session_of(self.session_id)
        fresh = self._note_lines(session)
        self._note_archives()
        self._note_checkpoints()
        self._check_log(session)
        self._check_state(session, lambda number: at_all or number > fresh or self._is_turn_of(number))
        self._check_kept(session, lambda number: at_all or self._is_turn_of(number))
        self._check_books(session)
        self._check_memory()
        self._check_windows()
        self._check_tiers(session)
        self._check_handoffs()
        self._check_fence(session)

    def rows(self) -> list[Any]:
        """All rows that anything done to the session could change, but for those of archives, which only come."""
        found = [list(model.objects.order_by("pk").values()) for model in CHANGING]
        return [*found, Archive.objects.count(), LedgerEntry.objects.count()]

    def _is_turn_of(self, number: int) -> bool:
        return number % ROUND == self.looks % ROUND

    def _note_lines(self, session: Session) -> int:
        """The newest lines of the log with the states that they lead to; returns how many were known."""
        known = self.head
        for line in lines_between(session.pk, known, session.head_seq):
            kind, facts = line["kind"], line["facts"]
            if kind == "state.changed":
                assert self.due is not None, "nobody asked for this change"
                self.states.append(self.due)
            elif kind == "checkpoint.restored":
                assert facts["part"] == facts["parts"] == 1
                self.states.append(self.states[facts["to_seq"]])
            else:
                assert kind == "session.opened" or not line["format"], kind
                self.states.append(json.loads(line["delta"]) if kind == "session.opened" else self.state)
            if kind == "cleanup.done":
                assert facts["tokens_after"] <= facts["tokens_before"], "a compaction frees"
            self.lines.append(line)
        self.due = None
        return known

    def _note_archives(self) -> None:
        for archive in Archive.objects.filter(session=self.session_id).exclude(pk__in=self.archives):
            self.archives[archive.pk] = (bytes(archive.sha256), read_body(archive))

    def _note_checkpoints(self) -> None:
        """New ones; each has every fact that is pinned now, in words."""
        for row in Checkpoint.objects.filter(session=self.session_id).exclude(pk__in=self.checkpoints):
            facts = get_checkpoint(session_of(self.session_id), row.pk)
            self.checkpoints[row.pk] = json.dumps([facts.document, facts.summary, facts.sha256], sort_keys=True)
            if row.tier == Checkpoint.Tier.HOT:
                assert json.loads(content_of(row))["document"] == facts.document
            pinned = Fact.objects.filter(session=row.session_id, is_pinned=True, from_seq__lt=row.seq)
            for fact in pinned.filter(superseded_by=None):
                assert fact.text in json.dumps(facts.document["pinned"]), "a document has all pinned facts"

    def _check_log(self, session: Session) -> None:
        """I6: gapless, nothing rewritten, the head where the session says."""
        hot = Event.objects.filter(session=session).order_by("seq").values_list("seq", flat=True)
        assert list(hot) == list(range(session.archived_seq + 1, session.head_seq + 1))
        assert session.head_seq == self.head
        assert [line["seq"] for line in self.lines] == list(range(1, self.head + 1))
        assert list(lines_between(session.pk, 0, self.head)) == self.lines
        times = [line["at"] for line in self.lines]
        assert times == sorted(times)
        ranges = Archive.objects.filter(session=session, kind="events").order_by("seq_from")
        ends = [0]
        for first, last in ranges.values_list("seq_from", "seq_to"):
            assert first == ends[-1] + 1
            ends.append(last)
        assert ends[-1] == session.archived_seq

    def _check_state(self, session: Session, is_wanted: Any) -> None:
        """I7: what was recorded, as it stands and as it stood."""
        now = get_state(session.pk)
        assert (now.seq, now.state) == (self.head, self.state)
        assert session.state_bytes == sum(map(len, items_of(self.state).values()))
        for seq in filter(is_wanted, range(1, self.head + 1)):
            then = get_state_at(session.pk, seq)
            assert then.state == self.states[seq], f"the state after event {seq}"
            assert then.digest == self.lines[seq - 1]["digest"] == digest_of(then.state).hex()

    def _check_kept(self, session: Session, is_wanted: Any) -> None:
        """I8: archives and checkpoints are what they were when they were made."""
        rows = Archive.objects.filter(session=session)
        assert set(rows.values_list("pk", flat=True)) == set(self.archives)
        for archive in rows.filter(pk__in=filter(is_wanted, self.archives)):
            assert (bytes(archive.sha256), read_body(archive)) == self.archives[archive.pk]
        made = Checkpoint.objects.filter(session=session)
        assert set(made.values_list("pk", flat=True)) == set(self.checkpoints)
        assert made.filter(tier="hot").count() <= terms_of(session).checkpoints.keep_hot
        for number in filter(is_wanted, self.checkpoints):
            facts = get_checkpoint(session, number)
            told = json.dumps([facts.document, facts.summary, facts.sha256], sort_keys=True)
            assert told == self.checkpoints[number]
            assert facts.line.digest == digest_of(self.states[facts.line.seq]).hex()

    def _check_books(self, session: Session) -> None:
        """I1, I3, I4: every call once; spent is what was settled, reserved is what is open."""
        rows = Usage.objects.filter(session=session).values_list("call_id", "input_tokens", "output_tokens", "seq")
        assert {call_id: tokens + more for call_id, tokens, more, _ in rows} == self.calls
        told = [line for line in self.lines if line["kind"] == "usage.recorded"]
        assert sorted(seq for *_, seq in rows) == [line["seq"] for line in told]
        assert session.tokens_used == sum(self.calls.values()) == sum(line["tokens"] for line in self.lines)
        is_open = InstanceHold.objects.filter(session=session, is_open=True)
        found = is_open.values_list("hold_id", "instance__agent", "tokens")
        assert set(found) == {(key, each.agent, each.tokens) for key, each in self.holds.items()}
        lapsed = Hold.objects.filter(pk__in=self.holds, status=Hold.Status.EXPIRED)
        self.lapsed = set(lapsed.values_list("pk", flat=True))
        reserved = Hold.objects.filter(status__in=Hold.OPEN).values_list("pk", flat=True)
        assert set(reserved) == set(self.holds) - self.lapsed
        for budget in Budget.objects.all():
            below = {budget.pk, *Budget.objects.filter(parent=budget).values_list("pk", flat=True)}
            held = {key: each.tokens for key, each in self.holds.items() if each.budget_id in below}
            held_still = sum(tokens for key, tokens in held.items() if key not in self.lapsed)
            assert budget.reserved == held_still, "reserved = open holds"
            spent = sum(tokens for budget_id, tokens in self.spent.items() if budget_id in below)
            assert budget.spent + budget.overdraft == spent, "spent = what was settled"
            assert budget.spent + budget.reserved <= budget.limit
        self._check_ledger()

    def _check_ledger(self) -> None:
        """I1. The ledger only grows: where nothing was added, it is as it was."""
        entries = LedgerEntry.objects.count()
        if entries != self.entries:
            assert not list_ledger_differences()
        self.entries = entries

    def _check_memory(self) -> None:
        """Facts are never lost, changed or summarised."""
        rows = Fact.objects.filter(session=self.session_id)
        found = rows.values_list("number", "text", "is_pinned", "superseded_by__number")
        assert {number: (*rest,) for number, *rest in found} == self.facts

    def _check_windows(self) -> None:
        """I5, I10, I12: pinned items stay whole; what left a window can be read whole from its archive."""
        assert_sound(self.session_id)
        active = ContextItem.objects.filter(instance__session=self.session_id, instance__status="active")
        rows = {(row.instance.agent, row.key): row for row in active.select_related("instance", "archive")}
        for name, known in self.items.items():
            row = rows[name]
            assert row.is_pinned == known.is_pinned
            if row.status == "live":
                assert row.text == known.text
                continue
            assert not known.is_pinned, "pinned items stay whole"
            body = read_body(row.archive)
            if known.text:
                assert body == known.text, "what was shortened or left lies in its archive whole"
            else:
                assert json.loads(body)["key"] == row.key
        stored = {body for _, body in self.archives.values()}
        assert {text for _, text in self.replaced} <= stored, "what was replaced is archived"
        others = [row for name, row in rows.items() if name not in self.items]
        assert all(row.kind == "summary" for row in others)

    def _check_tiers(self, session: Session) -> None:
        """I12: every part of the state is hot, warm, or in an archive."""
        texts = items_of(self.state)
        rows = StateItem.objects.filter(session=session).select_related("archive")
        assert {row.key: row.value or row.body or read_body(row.archive) for row in rows} == texts

    def _check_handoffs(self) -> None:
        """I9: an aborted one left the sources as they were, a complete one let every target take over."""
        for handoff in Handoff.objects.filter(session=self.session_id).prefetch_related("members__source"):
            for member in handoff.members.select_related("source", "target"):
                started = member.target is not None and member.target.activated_at is not None
                if handoff.phase == "complete":
                    assert started
                    assert member.source.status == "retired"
                else:
                    assert not started
                if handoff.phase not in FINISHED:
                    assert member.source.status == "active"
                if handoff.phase == "aborted" and member.target is not None:
                    assert member.target.status == "retired"

    def _check_fence(self, session: Session) -> None:
        """I5: an earlier life of an agent cannot write."""
        for agent, epoch in self.epochs().items():
            writer = Writer(actor="test", agent=agent, epoch=epoch - 1)
            values = {"base_seq": session.head_seq, "format": "merge", "delta": {"focus": "theirs"}}
            with pytest.raises(Conflict) as refused:
                patch_state(
                    session_id=session.pk, team_id=session.team_id, writer=writer, now=session.last_event_at, **values
                )
            wanted = "stale_epoch" if session.status == Session.Status.OPEN else "session_ended"
            assert refused.value.code == wanted
        assert session_of(session.pk).head_seq == self.head

    def epochs(self) -> dict[str, int]:
        """In which epoch each agent is."""
        rows = Instance.objects.filter(session=self.session_id, status=Instance.Status.ACTIVE)
        return dict(rows.values_list("agent", "epoch"))


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, word by word."""
    if not isinstance(patch, dict):
        return patch
    result = deepcopy(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
