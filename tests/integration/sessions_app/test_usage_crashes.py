"""A report that crashes at any statement leaves nothing; told again, it is counted once. So it is when told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from budgets import selectors as budgets
from budgets.domain.units import Amounts
from config.kernel.errors import Conflict
from sessions_app.domain.words import Component, ItemKind
from sessions_app.models import (
    Archive,
    Checkpoint,
    ContextItem,
    Event,
    Handoff,
    Instance,
    InstanceHold,
    Session,
    StateItem,
    Usage,
)
from sessions_app.services.log import locked
from sessions_app.services.windows.allocations import RoomAsk, allocate
from sessions_app.services.windows.holds import HoldAsk, release, reserve
from sessions_app.services.windows.items import ItemAsk, load_items
from sessions_app.services.windows.sizes import set_components
from sessions_app.services.windows.usage import StatePatch, UsageReport, record_usage
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.sessions_app.losing import losing_commit
from tests.integration.world import NOW, Team, load_world, make_budget, make_team, undone

LATER = NOW + timedelta(hours=3)
KEPT = (Session, Instance, InstanceHold, Event, StateItem, ContextItem, Usage, Archive, Checkpoint, Handoff)


class Desk:
    """A session whose window is nearly full, with a hold and old things that a cleanup takes out."""

    def __init__(self, *, limit: int = 20_000):
        load_world()
        self.team: Team = make_team()
        self.budget = make_budget(self.team, limit)
        self.session_id = open_desk(self.team, "ann", budget_id=self.budget)
        items = [
            ItemAsk(key=f"log-{n}", component=Component.WORKING_MEMORY, kind=ItemKind.DEBUG, text="gauge " * 800)
            for n in range(3)
        ]
        load_items(**self.who, agent="ann", epoch=1, items=items, now=NOW)
        session, instance = locked(self.session_id), instance_of(self.session_id, "ann")
        set_components(instance, {"interaction": 4_300})
        assert session.head_seq
        self.hold_id = self.reserve()

    @property
    def who(self) -> dict[str, Any]:
        return {"session_id": self.session_id, "team_id": self.team.team_id, "actor": "key test"}

    def reserve(self, tokens: int = 2_000) -> Any:
        amounts = Amounts(tokens=tokens, carbon_ug=0, micro_usd=0)
        ask = HoldAsk(agent="ann", epoch=1, amounts=amounts, lease_expires_at=LATER + timedelta(hours=1))
        return reserve(**self.who, ask=ask, now=NOW).hold_id

    def tell(self, call_id: str = "c1", **changes: Any) -> Any:
        values = {"input_tokens": 600, "output_tokens": 900, "hold_id": self.hold_id, **changes}
        return record_usage(**self.who, agent="ann", epoch=1, report=UsageReport(call_id=call_id, **values), now=LATER)

    def full_report(self) -> dict[str, Any]:
        """A report that does everything at once."""
        return {
            "items": [ItemAsk(key="answer", component=Component.INTERACTION, kind=ItemKind.MESSAGE, tokens=900)],
            "patch": StatePatch(base_seq=session_of(self.session_id).head_seq, format="merge", delta={"focus": "dyke"}),
        }

    def books(self) -> list[Any]:
        """Everything that a report could have changed."""
        rows = [list(model.objects.order_by("pk").values()) for model in KEPT]
        state = asdict(budgets.get_budget(self.budget))
        return [*rows, state]


def crashing_everywhere(work: Callable[[], Any]) -> Iterator[int]:
    """Run `work` with a crash at each statement, one after the other; ends when it came through (and is undone)."""
    statement = 1
    while True:
        try:
            with undone(), crashing_at(statement):
                work()
                break
        except Crash:
            yield statement
        statement += 1


@pytest.mark.django_db
def test_a_report_that_crashes_at_any_statement_leaves_nothing_and_is_counted_once_when_told_again():
    desk = Desk()
    report, before = desk.full_report(), desk.books()
    crashes = 0
    for _ in crashing_everywhere(lambda: desk.tell(**report)):
        assert desk.books() == before
        crashes += 1
    assert crashes > 10
    told = desk.tell(**report)
    assert "checkpoint" in told.facts["crossed"]
    state = budgets.get_budget(desk.budget)
    assert (state.spent, state.reserved) == (1_500, 0)
    after = desk.books()
    assert desk.tell(**report).was_replayed
    assert desk.books() == after
    assert Usage.objects.count() == Checkpoint.objects.count() == 1
    assert Archive.objects.filter(kind="item").exists()
    assert instance_of(desk.session_id, "ann").context_tokens < 7_500


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_stored", [True, False])
def test_a_report_whose_commit_is_lost_is_counted_once_when_told_again(is_stored):
    desk = Desk()
    report = desk.full_report()
    with losing_commit(1, is_stored=is_stored) as asked, pytest.raises(OperationalError):
        desk.tell(**report)
    assert asked == [1]
    assert Usage.objects.count() == is_stored
    assert desk.tell(**report).was_replayed == is_stored
    assert Usage.objects.count() == Checkpoint.objects.count() == 1
    assert session_of(desk.session_id).tokens_used == 1_500
    state = budgets.get_budget(desk.budget)
    assert (state.spent, state.reserved) == (1_500, 0)
    assert Event.objects.filter(session=desk.session_id, kind="usage.recorded").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["reserve", "release", "load", "allocate"])
def test_other_changes_that_crash_at_any_statement_leave_nothing(what):
    desk = Desk()
    works: dict[str, Callable[[], Any]] = {
        "reserve": desk.reserve,
        "release": lambda: release(**desk.who, hold_id=desk.hold_id, epoch=1, now=LATER),
        "load": lambda: load_items(
            **desk.who,
            agent="ann",
            epoch=1,
            items=[ItemAsk(key="log-1", component=Component.AGENT, kind=ItemKind.FILE, text="new")],
            now=LATER,
        ),
        "allocate": lambda: allocate(
            **desk.who,
            ask=RoomAsk(agent="ann", epoch=1, component=Component.WORKING_MEMORY, tokens=1_500, key="k"),
            now=LATER,
        ),
    }
    before = desk.books()
    for _ in crashing_everywhere(works[what]):
        assert desk.books() == before
    works[what]()
    assert desk.books() != before


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """What each returned, or the refusal that it raised; all started together."""

    def run(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Conflict as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(run, works))


@pytest.mark.django_db(transaction=True)
def test_a_report_that_is_delivered_eight_times_at_once_is_counted_once():
    desk = Desk()
    told = at_once([desk.tell] * 8)
    assert len({each.seq for each in told}) == 1
    assert sum(not each.was_replayed for each in told) == 1
    assert session_of(desk.session_id).tokens_used == 1_500
    assert budgets.get_budget(desk.budget).spent == 1_500


@pytest.mark.django_db(transaction=True)
def test_of_eight_calls_that_claim_one_hold_at_once_one_settles_it_and_the_others_are_not_counted():
    desk = Desk()
    told = at_once([lambda n=n: desk.tell(f"c{n}") for n in range(8)])
    assert told.count("already_resolved") == 7
    assert Usage.objects.count() == 1
    assert session_of(desk.session_id).tokens_used == 1_500
    state = budgets.get_budget(desk.budget)
    assert (state.spent, state.reserved) == (1_500, 0)


@pytest.mark.django_db(transaction=True)
def test_calls_of_eight_workers_at_once_are_all_counted_without_a_gap_in_the_log():
    desk = Desk()
    holds = [desk.reserve(100) for _ in range(24)]
    works = [
        lambda n=n: desk.tell(f"c{n}", hold_id=holds[n], input_tokens=50, output_tokens=n, component=Component.AGENT)
        for n in range(24)
    ]
    told = at_once(works)
    assert len({each.seq for each in told}) == 24
    session = session_of(desk.session_id)
    assert session.tokens_used == sum(50 + n for n in range(24))
    assert budgets.get_budget(desk.budget).spent == session.tokens_used
    seqs = list(Event.objects.filter(session=session).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, session.head_seq + 1))
    instance = instance_of(desk.session_id, "ann")
    assert instance.context_tokens == sum(instance.component_tokens.values())
    assert not InstanceHold.objects.filter(is_open=True).exclude(pk=desk.hold_id).exists()
