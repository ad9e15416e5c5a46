from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from budgets import services, tasks
from budgets.domain.periods import Period
from budgets.models import Budget, BudgetProposal, LedgerEntry, PeriodRecord
from budgets.selectors import get_proposal, list_ledger_differences, list_proposals
from budgets.services import proposals
from config.kernel.errors import Conflict, InvalidInput, NotFound
from tests.integration.world import NOW, Team, make_budget, make_team

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def team(db) -> Team:
    services.load_reference(now=NOW)
    return make_team()


@pytest.fixture
def tree(team) -> dict[str, UUID]:
    """Three children: one turned work away, one was used little, one as it should be."""
    root = make_budget(team, 200_000, name="root", period=Period.DAY)
    ids = {"root": root}
    for name, limit, spent, hours in (
        ("busy", 30_000, 29_000, 2),
        ("idle", 30_000, 6_000, 0),
        ("fair", 40_000, 28_000, 0),
    ):
        ids[name] = make_budget(team, limit, name=name, parent_id=root, period=Period.DAY)
        for back in (1, 2):
            remember(ids[name], back, limit=limit, spent=spent, hours_refused=hours)
    return ids


def remember(budget_id: UUID, days_back: int, *, limit: int, spent: int, hours_refused: int) -> None:
    ended_at = NOW.replace(hour=0, minute=0) - (days_back - 1) * DAY
    PeriodRecord.objects.create(
        budget_id=budget_id,
        starts_at=ended_at - DAY,
        ended_at=ended_at,
        base_limit=limit,
        limit=limit,
        spent=spent,
        reserved=0,
        overdraft=0,
        hours_refused=hours_refused,
    )


def propose(tree) -> int:
    made = services.propose_changes(parent_id=tree["root"], actor="analysis", now=NOW)
    assert made is not None
    return made


def decide(proposal_id: int, *, is_accepted=True, reason="as it should be") -> None:
    services.decide_proposal(proposal_id=proposal_id, is_accepted=is_accepted, reason=reason, actor="operator", now=NOW)


def bases(tree) -> dict[str, int]:
    return {name: Budget.objects.get(pk=pk).base_limit for name, pk in tree.items() if name != "root"}


BEFORE = {"busy": 30_000, "idle": 30_000, "fair": 40_000}


def test_a_proposal_changes_nothing_until_somebody_accepts_it(tree):
    facts = get_proposal(propose(tree))
    assert {line.name: line.base_after for line in facts.lines} == {"busy": 35_000, "idle": 25_000, "fair": 40_000}
    assert (facts.status, facts.parent_name, facts.analysed_to) == ("open", "root", NOW.replace(hour=0, minute=0))
    assert "Turned work away in 4 hours of 2 periods" in facts.lines[0].explanation
    assert bases(tree) == BEFORE


def test_accepting_applies_all_of_it_with_ledger_entries(tree):
    proposal_id = propose(tree)
    decide(proposal_id)
    assert bases(tree) == {"busy": 35_000, "idle": 25_000, "fair": 40_000}
    entries = LedgerEntry.objects.filter(kind=LedgerEntry.Kind.REBALANCE).order_by("limit_delta")
    assert [each.limit_delta for each in entries] == [-5_000, 5_000]
    assert {(each.actor, each.reason) for each in entries} == {("operator", f"proposal {proposal_id}: as it should be")}
    assert list_ledger_differences() == []
    facts = get_proposal(proposal_id)
    assert (facts.status, facts.decided_by, facts.reason) == ("accepted", "operator", "as it should be")


def test_rejecting_keeps_the_reason_and_everything_else(tree):
    proposal_id = propose(tree)
    decide(proposal_id, is_accepted=False, reason="a quiet week")
    assert bases(tree) == BEFORE
    assert get_proposal(proposal_id).reason == "a quiet week"
    with pytest.raises(Conflict, match="rejected"):
        decide(proposal_id)
    assert bases(tree) == BEFORE


def test_a_decision_has_a_reason(tree):
    proposal_id = propose(tree)
    with pytest.raises(InvalidInput) as refusal:
        decide(proposal_id, reason=" ")
    assert refusal.value.field == "reason"
    assert BudgetProposal.objects.get().status == "open"


def _spend_of_the_giver(tree):
    Budget.objects.filter(pk=tree["idle"]).update(spent=26_000)


def _allot_otherwise(tree):
    services.allot(budget_id=tree["busy"], limit=Decimal(31_000), actor="t", reason="t", now=NOW)


def _end(tree):
    services.deallocate(budget_id=tree["fair"], actor="t", reason="t", now=NOW)


@pytest.mark.parametrize("happens", [_spend_of_the_giver, _allot_otherwise, _end])
def test_a_proposal_that_the_world_has_overtaken_is_refused_whole(tree, happens):
    proposal_id = propose(tree)
    happens(tree)
    before = bases(tree)
    with pytest.raises(Conflict) as refusal:
        decide(proposal_id)
    assert refusal.value.code == "stale"
    assert bases(tree) == before
    assert BudgetProposal.objects.get().status == "open"
    assert not LedgerEntry.objects.filter(kind=LedgerEntry.Kind.REBALANCE).exists()


def test_a_change_that_waits_for_two_people_is_not_made_by_one(tree):
    proposal_id = propose(tree)
    Budget.objects.filter(pk=tree["busy"]).update(needs_two=True)
    with pytest.raises(Conflict) as refusal:
        decide(proposal_id)
    assert refusal.value.code == "needs_two"
    assert bases(tree) == BEFORE


def test_a_newer_proposal_takes_the_place_of_the_open_one(tree):
    older, newer = propose(tree), propose(tree)
    assert [(each.id, each.status) for each in list_proposals(parent_id=tree["root"])] == [
        (newer, "open"),
        (older, "superseded"),
    ]
    with pytest.raises(Conflict):
        decide(older)


def test_a_newer_analysis_that_was_quicker_to_lock_the_budgets_wins(tree, monkeypatch):
    older = propose(tree)
    locked_each = proposals.locked_each

    def late(budget_ids, *, now):
        propose(tree)  # finished just before these locks were got
        return locked_each(budget_ids, now=now)

    monkeypatch.setattr(proposals, "locked_each", late)
    with pytest.raises(Conflict, match="superseded"):
        decide(older)
    assert bases(tree) == BEFORE


def test_a_budget_that_ends_during_the_analysis_of_all_keeps_nobody_else_from_it(tree, team, monkeypatch):
    other = make_budget(team, 100_000, name="other", period=Period.DAY)
    for name, spent in (("a", 0), ("b", 9_000), ("c", 9_000)):
        child = make_budget(team, 10_000, name=name, parent_id=other, period=Period.DAY)
        for back in (1, 2):
            remember(child, back, limit=10_000, spent=spent, hours_refused=0)
    first = min(tree["root"], other)
    propose_one = proposals.propose_changes

    def ended_meanwhile(*, parent_id, actor, now):
        return propose_one(parent_id=UUID(int=1) if parent_id == first else parent_id, actor=actor, now=now)

    monkeypatch.setattr(proposals, "propose_changes", ended_meanwhile)
    assert services.propose_everywhere(actor="analysis", now=NOW) == 1


def test_one_ended_period_is_too_little_to_propose_from(team):
    root = make_budget(team, 200_000, name="root", period=Period.DAY)
    for name in ("a", "b"):
        child = make_budget(team, 10_000, name=name, parent_id=root, period=Period.DAY)
        remember(child, 1, limit=10_000, spent=0, hours_refused=9)
    assert services.propose_changes(parent_id=root, actor="analysis", now=NOW) is None
    assert services.propose_everywhere(actor="analysis", now=NOW) == 0


def test_only_the_last_four_periods_count(tree):
    for back in (3, 4):
        remember(tree["idle"], back, limit=30_000, spent=6_000, hours_refused=0)
    remember(tree["idle"], 5, limit=30_000, spent=30_000, hours_refused=24)
    facts = get_proposal(propose(tree))
    assert facts.analysed_from == NOW.replace(hour=0, minute=0) - 4 * DAY
    assert "20.0 % used in the mean of 4 periods" in {line.name: line.explanation for line in facts.lines}["idle"]


def test_the_analysis_of_all_proposes_where_there_is_something_to_propose(tree, team):
    calm = make_budget(team, 100_000, name="calm", period=Period.DAY)
    for name in ("a", "b"):
        child = make_budget(team, 10_000, name=name, parent_id=calm, period=Period.DAY)
        for back in (1, 2):
            remember(child, back, limit=10_000, spent=8_000, hours_refused=0)
    assert services.propose_everywhere(actor="analysis", now=NOW) == 1
    assert [each.parent_id for each in list_proposals(status="open")] == [tree["root"]]


def test_the_weekly_task_proposes_in_the_name_of_the_analysis(tree):
    tasks.propose_changes(later="something new")
    tasks.propose_changes()
    newest, older = list_proposals()
    assert (newest.status, older.status, older.decided_by) == ("open", "superseded", "analysis")


def test_nothing_is_proposed_for_what_does_not_exist(tree):
    with pytest.raises(NotFound):
        services.propose_changes(parent_id=UUID(int=1), actor="analysis", now=NOW)
    with pytest.raises(NotFound):
        decide(10**6)
