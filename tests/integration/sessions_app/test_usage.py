"""Reports of calls: counted once, with their hold and their change of the state, or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from budgets import selectors as budgets
from budgets import services as budget_services
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts
from config.kernel.errors import Conflict, DomainError, InvalidInput, NotFound
from sessions_app.domain.words import Component, ItemKind, Phase
from sessions_app.models import ContextItem, Event, InstanceHold, Usage
from sessions_app.selectors.state import get_state
from sessions_app.selectors.windows import get_windows, list_open_holds
from sessions_app.services.lives import end_session
from sessions_app.services.windows.holds import HoldAsk, release, reserve
from sessions_app.services.windows.items import ItemAsk
from sessions_app.services.windows.usage import StatePatch, UsageReport, record_usage
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.sessions_app.handing import begin, finish
from tests.integration.world import NOW, Team, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    load_world()
    return make_team()


def tell(team: Team, session_id: Any, call_id: str = "c1", *, agent: str = "ann", epoch: int = 1, **report: Any) -> Any:
    values = {"input_tokens": 1_000, "output_tokens": 100, **report}
    return record_usage(
        session_id=session_id,
        team_id=team.team_id,
        agent=agent,
        epoch=epoch,
        report=UsageReport(call_id=call_id, **values),
        actor="key test",
        now=NOW,
    )


def hold(team: Team, session_id: Any, tokens: int = 2_000, *, agent: str = "ann", **changes: Any) -> Any:
    values = {"lease_expires_at": NOW + timedelta(minutes=10), **changes}
    ask = HoldAsk(agent=agent, epoch=1, amounts=Amounts(tokens=tokens, carbon_ug=0, micro_usd=0), **values)
    return reserve(session_id=session_id, team_id=team.team_id, ask=ask, actor="key test", now=NOW)


def test_a_call_is_counted_once_however_often_it_is_told(team):
    session_id = open_desk(team, "ann")
    first = tell(team, session_id)
    before = session_of(session_id)
    again = tell(team, session_id)
    assert (again.seq, again.facts, again.was_replayed) == (first.seq, first.facts, True)
    assert Usage.objects.count() == 1
    assert session_of(session_id).head_seq == before.head_seq
    assert session_of(session_id).tokens_used == 1_100


def test_a_call_id_of_another_call_is_refused(team):
    session_id = open_desk(team, "ann")
    tell(team, session_id)
    with pytest.raises(InvalidInput) as refused:
        tell(team, session_id, output_tokens=200)
    assert (refused.value.field, refused.value.code) == ("call_id", "call_id_reused")
    assert session_of(session_id).tokens_used == 1_100


def test_a_call_that_was_told_is_answered_after_the_session_has_ended_and_a_new_one_is_refused(team):
    session_id = open_desk(team, "ann")
    first = tell(team, session_id)
    end_session(session_id=session_id, team_id=team.team_id, actor="key test", now=NOW)
    assert tell(team, session_id).seq == first.seq
    with pytest.raises(Conflict) as refused:
        tell(team, session_id, "c2")
    assert refused.value.code == "session_ended"
    assert Usage.objects.count() == 1


def test_the_window_holds_the_prompt_and_the_answer_joins_it(team):
    session_id = open_desk(team, "ann")
    tell(team, session_id, "c1", input_tokens=1_000, output_tokens=100)
    assert instance_of(session_id, "ann").context_tokens == 1_100
    tell(team, session_id, "c2", input_tokens=1_300, output_tokens=50, component=Component.KNOWLEDGE)
    instance = instance_of(session_id, "ann")
    assert instance.component_tokens["knowledge"] == 250
    assert instance.context_tokens == 1_350
    # A call aside, with a prompt of its own, adds its answer only.
    tell(team, session_id, "c3", input_tokens=10, output_tokens=40)
    assert instance_of(session_id, "ann").context_tokens == 1_390


def test_items_of_a_report_account_for_its_growth_and_are_not_counted_twice(team):
    session_id = open_desk(team, "ann")
    item = ItemAsk(key="a.py", component=Component.KNOWLEDGE, kind=ItemKind.FILE, tokens=700)
    tell(team, session_id, items=[item])
    instance = instance_of(session_id, "ann")
    assert instance.context_tokens == 1_100
    assert instance.component_tokens["knowledge"] == 700
    assert instance.component_tokens["interaction"] == 400


def test_components_are_what_a_report_says_but_never_less_than_their_items(team):
    session_id = open_desk(team, "ann")
    item = ItemAsk(key="a.py", component=Component.KNOWLEDGE, kind=ItemKind.FILE, tokens=700)
    tell(team, session_id, items=[item], components={"system": 300, "knowledge": 500})
    instance = instance_of(session_id, "ann")
    assert instance.component_tokens == {
        "system": 300,
        "knowledge": 700,
        "working_memory": 0,
        "agent": 0,
        "interaction": 0,
    }
    assert instance.context_tokens == 1_000


def test_tokens_that_nobody_told_are_counted_and_marked(team):
    session_id = open_desk(team, "ann")
    facts = tell(team, session_id, input_tokens=None, output_tokens=None, prompt="one two three", text="four").facts
    assert (facts["input_tokens"], facts["output_tokens"], facts["is_estimate"]) == (3, 1, True)


@pytest.mark.parametrize(
    ("report", "field"),
    [
        ({"input_tokens": None, "output_tokens": None}, "input_tokens"),
        ({"cached_tokens": 1_001}, "cached_tokens"),
        ({"items": [ItemAsk(key="a", component=Component.AGENT, kind=ItemKind.OTHER)]}, "items.0.tokens"),
        ({"items": [ItemAsk(key="a", component=Component.AGENT, kind=ItemKind.OTHER, tokens=1)] * 2}, "items"),
        ({"components": {"agent": 2**31}}, "tokens"),
    ],
)
def test_a_report_that_is_wrong_names_its_field_and_changes_nothing(team, report, field):
    session_id = open_desk(team, "ann")
    before = session_of(session_id).head_seq
    with pytest.raises(InvalidInput) as refused:
        tell(team, session_id, **report)
    assert refused.value.field == field
    assert session_of(session_id).head_seq == before
    assert not Usage.objects.exists()
    assert not ContextItem.objects.exists()


def test_an_earlier_life_of_the_agent_cannot_report(team):
    session_id = open_desk(team, "ann")
    with pytest.raises(Conflict) as refused:
        tell(team, session_id, epoch=2)
    assert refused.value.code == "stale_epoch"
    assert not Usage.objects.exists()


def test_a_report_settles_its_hold_in_the_same_transaction(team):
    budget = make_budget(team)
    session_id = open_desk(team, "ann", budget_id=budget)
    placed = hold(team, session_id)
    assert budgets.get_budget(budget).reserved == 2_000
    tell(team, session_id, hold_id=placed.hold_id)
    state = budgets.get_budget(budget)
    assert (state.reserved, state.spent) == (0, 1_100)
    assert Usage.objects.get().estimated_tokens == 2_000
    again = tell(team, session_id, hold_id=placed.hold_id)
    assert again.was_replayed
    assert budgets.get_budget(budget).spent == 1_100


def test_another_call_cannot_settle_a_hold_again_and_leaves_nothing(team):
    budget = make_budget(team)
    session_id = open_desk(team, "ann", budget_id=budget)
    placed = hold(team, session_id)
    tell(team, session_id, hold_id=placed.hold_id)
    with pytest.raises(Conflict) as refused:
        tell(team, session_id, "c2", hold_id=placed.hold_id)
    assert refused.value.code == "already_resolved"
    assert budgets.get_budget(budget).spent == 1_100
    assert Usage.objects.count() == 1
    assert session_of(session_id).tokens_used == 1_100


def test_a_hold_of_another_agent_or_session_is_refused(team):
    session_id = open_desk(team, "ann", "bob", budget_id=make_budget(team))
    placed = hold(team, session_id)
    with pytest.raises(Conflict) as refused:
        tell(team, session_id, agent="bob", hold_id=placed.hold_id)
    assert refused.value.code == "hold_of_another_agent"
    other = open_desk(team, "ann", name="Another")
    with pytest.raises(NotFound):
        tell(team, other, hold_id=placed.hold_id)
    assert InstanceHold.objects.get().is_open
    assert not Usage.objects.exists()


def test_a_hold_is_given_back_once(team):
    budget = make_budget(team)
    session_id = open_desk(team, "ann", budget_id=budget)
    placed = hold(team, session_id)
    given = {"session_id": session_id, "team_id": team.team_id, "hold_id": placed.hold_id, "epoch": 1}
    release(**given, actor="key test", now=NOW)
    assert budgets.get_budget(budget).reserved == 0
    with pytest.raises(Conflict):
        release(**given, actor="key test", now=NOW)


def test_a_hold_whose_lease_ran_out_reserves_nothing_and_its_late_report_is_charged(team):
    budget = make_budget(team)
    session_id = open_desk(team, "ann", budget_id=budget)
    late, kept = hold(team, session_id), hold(team, session_id, 500, lease_expires_at=NOW + timedelta(days=1))
    assert budget_services.sweep_holds(now=NOW + timedelta(hours=1)) == 1
    window = get_windows(session_of(session_id)).windows[0]
    assert (window.open_holds, window.held_tokens) == (1, 500)
    assert [row.pk for row in list_open_holds(session_id)] == [kept.hold_id]
    tell(team, session_id, hold_id=late.hold_id)
    state = budgets.get_budget(budget)
    assert (state.reserved, state.spent) == (500, 1_100)


def test_a_hold_needs_a_budget(team):
    session_id = open_desk(team, "ann")
    with pytest.raises(Conflict) as refused:
        hold(team, session_id)
    assert refused.value.code == "no_budget"
    assert not InstanceHold.objects.exists()


def test_a_change_of_the_state_comes_with_its_report_or_neither(team):
    session_id = open_desk(team, "ann")
    head = session_of(session_id).head_seq
    patch = StatePatch(base_seq=head, format="merge", delta={"focus": "dyke"})
    tell(team, session_id, patch=patch)
    assert get_state(session_id).state == {"focus": "dyke"}
    with pytest.raises(Conflict) as refused:
        tell(team, session_id, "c2", patch=StatePatch(base_seq=head, format="merge", delta={"focus": "lock"}))
    assert refused.value.code == "stale_sequence"
    assert get_state(session_id).state == {"focus": "dyke"}
    assert Usage.objects.count() == 1
    assert tell(team, session_id, patch=patch).was_replayed


def test_every_report_is_an_event_of_the_log_without_a_gap(team):
    session_id = open_desk(team, "ann", budget_id=make_budget(team))
    for number in range(20):
        try:
            tell(team, session_id, f"c{number % 12}", input_tokens=number * 90, output_tokens=number)
        except DomainError:
            continue
    seqs = list(Event.objects.filter(session=session_id).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, session_of(session_id).head_seq + 1))
    assert {each.seq for each in Usage.objects.all()} <= set(seqs)


def test_a_call_that_is_told_again_after_a_handoff_is_counted_once_and_its_document_is_not_counted_twice(team):
    session_id = open_desk(team, "ann", "bob", budget_id=make_budget(team))
    placed = hold(team, session_id)
    first = tell(team, session_id, "before")
    assert finish(begin(session_id)).phase == Phase.COMPLETE
    assert tell(team, session_id, "before").seq == first.seq
    with pytest.raises(Conflict) as refused:
        tell(team, session_id, "paused")
    assert refused.value.code == "stale_epoch"
    assert session_of(session_id).tokens_used == 1_100
    document = instance_of(session_id, "ann").context_tokens
    assert document > 0
    told = tell(
        team, session_id, "after", epoch=2, hold_id=placed.hold_id, input_tokens=document + 40, output_tokens=10
    )
    assert told.facts["context_tokens"] == document + 50
    assert session_of(session_id).tokens_used == 1_100 + document + 50
    assert Usage.objects.count() == 2


def test_agents_of_swarms_reserve_within_their_own_allotment_and_never_touch_the_reserve(team):
    values = {"organisation_id": team.organisation_id, "team_id": team.team_id, "actor": "test", "now": NOW}
    pool = budget_services.create_pool(name="pool", parent_id=None, **values)
    limits = []
    for name in ("a", "b", "c", "d"):
        swarm = budget_services.allot_swarm(parent_id=pool, name=name, actor="test", now=NOW)
        limits.append(int(budgets.get_budget(swarm).limit))
        session_id = open_desk(team, "ann", name=name, budget_id=swarm)
        placed = hold(team, session_id, limits[-1])
        with pytest.raises(BudgetExhausted):
            hold(team, session_id, 1)
        tell(team, session_id, hold_id=placed.hold_id, input_tokens=limits[-1] - 10, output_tokens=10)
    assert limits == [50_000, 50_000, 50_000, 40_000]
    with pytest.raises(Conflict) as refused:
        budget_services.allot_swarm(parent_id=pool, name="e", actor="test", now=NOW)
    assert refused.value.code == "pool_empty"
    state = budgets.get_budget(pool)
    assert (state.spent, state.reserved) == (190_000, 0)
