"""Calls with their holds, and what windows hold."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from budgets.domain.units import Amounts
from budgets.services import sweep_holds
from sessions_app.domain.words import Component, ItemKind
from sessions_app.models import ContextItem
from sessions_app.services.windows.allocations import RoomAsk, allocate
from sessions_app.services.windows.holds import HoldAsk, release, reserve
from sessions_app.services.windows.items import ItemAsk, ItemChange, change_item, load_items, unload_item
from sessions_app.services.windows.usage import StatePatch, UsageReport, record_usage
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import instance_of
from tests.integration.sessions_app.machine.base import (
    AGENT,
    CRASH,
    KIND,
    NAME,
    PART,
    Base,
    while_open,
)
from tests.integration.sessions_app.machine.witness import Held, Remembered, merged


class Windows(Base):
    """Calls are counted once; what leaves a window can be read."""

    @precondition(while_open)
    @rule(agent=AGENT, tokens=st.sampled_from([0, 40, 400, 2_500]), crash=CRASH)
    def reserve(self, agent: str, tokens: int, crash: int | None) -> None:
        if agent not in self.believed:
            return
        lease = self.now + timedelta(minutes=10)
        ask = HoldAsk(
            agent=agent,
            epoch=self.believed[agent],
            amounts=Amounts(tokens=tokens, carbon_ug=0, micro_usd=0),
            lease_expires_at=lease,
            reference=self.fresh("hold"),
        )
        if self.fenced(agent, lambda: reserve(**self.who, ask=ask, now=self.now)):
            return
        placed = self.attempt(lambda: reserve(**self.who, ask=ask, now=self.now), crash)
        if placed is not None:
            self.witness.holds[placed.hold_id] = Held(placed.budget_id, agent, tokens)
            self.leases[placed.hold_id] = lease
        else:
            assert self.refusal is not None
            assert self.refusal.code == "budget_exhausted"

    @precondition(lambda self: self.witness.holds)
    @rule(which=st.integers(0, 9), crash=CRASH)
    def release(self, which: int, crash: int | None) -> None:
        hold_id = self.hold(which)
        agent = self.witness.holds[hold_id].agent
        values = {**self.who, "hold_id": hold_id, "epoch": self.believed[agent], "now": self.now}
        if self.fenced(agent, lambda: release(**values)):
            return
        done = self.attempt(lambda: release(**values), crash)
        assert (done is None) == (hold_id in self.witness.lapsed)
        if done is not None:
            del self.witness.holds[hold_id]

    def hold(self, which: int) -> UUID:
        return sorted(self.witness.holds)[which % len(self.witness.holds)]

    @rule(crash=CRASH)
    def lapse(self, crash: int | None) -> None:
        """Whoever gives back what was not reported in time dies on the way."""
        with suppress(Crash), crashing_at(crash):
            sweep_holds(now=self.now)
        self.witness.look()
        assert all(self.leases[each] <= self.now for each in self.witness.lapsed)
        sweep_holds(now=self.now)

    @precondition(while_open)
    @rule(
        agent=AGENT,
        which=st.one_of(st.none(), st.integers(0, 9)),
        tokens=st.tuples(st.sampled_from([1, 90, 1_500]), st.sampled_from([0, 60, 700])),
        item=st.one_of(st.none(), st.integers(0, 4)),
        name=st.one_of(st.none(), NAME),
        crash=CRASH,
    )
    def report(
        self,
        agent: str,
        which: int | None,
        tokens: tuple[int, int],
        item: int | None,
        name: str | None,
        crash: int | None,
    ) -> None:
        """A call with its tokens, perhaps its hold, an item and a change of the state: all of it once, or nothing."""
        hold_id = self.hold(which) if which is not None and self.witness.holds else None
        agent = self.witness.holds[hold_id].agent if hold_id else agent
        if agent not in self.believed:
            return
        ask = ItemAsk(key=f"i{item}", component=Component.AGENT, kind=ItemKind.TASK, text=self.words(tokens[1] // 40))
        delta = {name: {"call": self.asked}}
        report = UsageReport(
            call_id=self.fresh("call"),
            operation="plan",
            input_tokens=tokens[0],
            output_tokens=tokens[1],
            hold_id=hold_id,
            items=() if item is None else (ask,),
            patch=StatePatch(base_seq=self.witness.head, format="merge", delta=delta) if name else None,
        )
        if self.fenced(agent, lambda: self.tell(agent, report)):
            return
        told = self.attempt(lambda: self.tell(agent, report), crash, due=merged(self.witness.state, delta))
        assert told is not None, self.refusal
        self.reports.append((agent, report))
        self.witness.calls[report.call_id] = sum(tokens)
        if hold_id is not None:
            held = self.witness.holds.pop(hold_id)
            self.witness.spent[held.budget_id] = self.witness.spent.get(held.budget_id, 0) + sum(tokens)
        for each in report.items:
            self.remember(agent, each)

    def tell(self, agent: str, report: UsageReport) -> Any:
        return record_usage(**self.who, agent=agent, epoch=self.believed[agent], report=report, now=self.now)

    @precondition(lambda self: self.reports)
    @rule(which=st.integers(0, 30), crash=CRASH)
    def report_again(self, which: int, crash: int | None) -> None:
        """Delivered twice, by a worker of whatever epoch: counted once."""
        agent, report = self.reports[which % len(self.reports)]
        assert self.attempt(lambda: self.tell(agent, report), crash).was_replayed

    def words(self, sentences: int) -> str:
        """So many sentences that nothing else says."""
        self.asked += 1
        return " ".join(f"Gauge {self.asked}-{each} at the harbour reads {each} cm." for each in range(sentences + 1))

    def remember(self, agent: str, ask: ItemAsk) -> None:
        known = self.witness.items.get((agent, ask.key))
        if known is not None and known.text not in ("", ask.text):
            self.witness.replaced.add((ask.key, known.text))
        self.witness.items[agent, ask.key] = Remembered(ask.text, ask.is_pinned)

    @precondition(while_open)
    @rule(
        agent=AGENT,
        number=st.integers(0, 9),
        kind=KIND,
        component=PART,
        sentences=st.sampled_from([0, 3, 12, 40]),
        has_text=st.booleans(),
        is_pinned=st.sampled_from([False, False, False, True]),
        crash=CRASH,
    )
    def load(
        self,
        agent: str,
        number: int,
        kind: ItemKind,
        component: Component,
        sentences: int,
        has_text: bool,
        is_pinned: bool,
        crash: int | None,
    ) -> None:
        """An item comes into a window, or takes the place of one; of some only the size is told."""
        if agent not in self.believed:
            return
        ask = ItemAsk(
            key=f"i{number}",
            component=component,
            kind=kind,
            text=self.words(sentences) if has_text else "",
            locator="" if has_text else f"files/{self.asked}.md",
            tokens=None if has_text else 15 * sentences,
            is_pinned=is_pinned and sentences < 12,
        )
        values = {**self.who, "agent": agent, "epoch": self.believed[agent], "items": [ask], "now": self.now}
        if self.fenced(agent, lambda: load_items(**values)):
            return
        if self.attempt(lambda: load_items(**values), crash) is not None:
            self.remember(agent, ask)
        else:
            assert self.refusal is not None
            assert self.refusal.code == "window_full"

    @precondition(lambda self: not self.has_ended and self.witness.items)
    @rule(
        which=st.integers(0, 30),
        how=st.sampled_from(["pin", "unpin", "finish", "use", "drop"]),
        crash=CRASH,
    )
    def change(self, which: int, how: str, crash: int | None) -> None:
        agent, key = sorted(self.witness.items)[which % len(self.witness.items)]
        row = ContextItem.objects.get(instance=instance_of(self.session_id, agent), key=key)
        values = {**self.who, "agent": agent, "epoch": self.believed[agent], "item_id": row.pk, "now": self.now}
        is_pinned = {"pin": True, "unpin": False}.get(how)
        change = ItemChange(is_pinned=is_pinned, is_finished=True if how == "finish" else None, was_used=how == "use")

        def work() -> Any:
            return unload_item(**values) if how == "drop" else change_item(**values, change=change)

        if self.fenced(agent, work):
            return
        done = self.attempt(work, crash)
        if done is not None and is_pinned is not None:
            self.witness.items[agent, key].is_pinned = is_pinned
        elif done is None:
            assert self.refusal is not None
            assert self.refusal.code == {"pin": "not_whole", "drop": "pinned"}.get(how)

    @precondition(while_open)
    @rule(agent=AGENT, component=PART, tokens=st.sampled_from([10, 400, 2_000]), crash=CRASH)
    def ask_for_room(self, agent: str, component: Component, tokens: int, crash: int | None) -> None:
        """Decided once however often it is asked."""
        if agent not in self.believed:
            return
        ask = RoomAsk(
            agent=agent, epoch=self.believed[agent], component=component, tokens=tokens, key=self.fresh("room")
        )
        if self.fenced(agent, lambda: allocate(**self.who, ask=ask, now=self.now)):
            return
        decided = self.attempt(lambda: allocate(**self.who, ask=ask, now=self.now), crash)
        if decided is not None:
            assert allocate(**self.who, ask=ask, now=self.now).seq == decided.seq
