"""Changes by hand, alone and with a second pair of eyes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from accounts.models import ApiKey, User
from budgets import services
from budgets.models import Adjustment, SpendBucket
from budgets.selectors import get_adjustment, list_adjustments, list_ledger_differences
from config.kernel.errors import Conflict, InvalidInput, NotFound
from tests.integration.budgets.work import hold, row, spend
from tests.integration.world import NOW, Team, make_budget, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return make_team()


def propose(budget_id, kind: str, amount: int | str | None = None, *, actor="person ada", reason="counted twice"):
    wanted = None if amount is None else Decimal(amount)
    return services.propose_adjustment(
        budget_id=budget_id, kind=kind, amount=wanted, reason=reason, actor=actor, now=NOW
    )


def decide(adjustment_id: int, *, actor="person bob", is_approved=True, reason="seen"):
    return services.decide_adjustment(
        adjustment_id=adjustment_id,
        is_approved=is_approved,
        reason=reason,
        actor=actor,
        now=NOW + timedelta(minutes=1),
    )


def test_one_person_is_enough_where_nothing_else_is_said(team):
    budget = make_budget(team, 1000)
    spend(budget, 600)
    assert propose(budget, "spent", -200).status == "applied"
    assert propose(budget, "limit", 700).status == "applied"
    assert (row(budget).spent, row(budget).limit) == (400, 700)
    assert propose(budget, "reset").status == "applied"
    assert row(budget).spent == 0
    assert [entry.kind for entry in row(budget).ledger.all()[:3]] == ["reset", "adjust", "adjust"]
    assert row(budget).ledger.first().reason == "counted twice"
    assert list_ledger_differences() == []


def test_a_correction_moves_the_slices_of_spending_too(team):
    budget = make_budget(team, 1000)
    spend(budget, 600)
    propose(budget, "spent", -200)
    propose(budget, "spent", 50)
    assert SpendBucket.objects.get(budget=budget).spent == 450


@pytest.mark.parametrize(
    ("kind", "amount", "code", "field"),
    [
        ("spent", -601, "below_zero", "amount"),
        ("spent", 301, "above_limit", "amount"),
        ("limit", 699, "limit_below_use", "limit"),
        ("limit", 0, "invalid", "amount"),
        ("limit", -5, "invalid", "amount"),
        ("spent", 0, "invalid", "amount"),
        ("spent", None, "invalid", "amount"),
        ("spent", "0.5", "invalid", "amount"),
        ("reset", 5, "invalid", "amount"),
    ],
)
def test_what_would_break_a_constraint_is_refused_and_leaves_nothing(team, kind, amount, code, field):
    budget = make_budget(team, 1000)
    spend(budget, 600)
    hold(budget, 100)
    with pytest.raises((Conflict, InvalidInput)) as refused:
        propose(budget, kind, amount)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert (row(budget).limit, row(budget).spent) == (1000, 600)
    assert not Adjustment.objects.exists()


@pytest.mark.parametrize("reason", ["", "  ", "r" * 301])
def test_a_change_says_why(team, reason):
    with pytest.raises(InvalidInput) as refused:
        propose(make_budget(team), "limit", 5, reason=reason)
    assert refused.value.field == "reason"


def test_a_kind_of_change_that_nobody_knows_changes_nothing(team):
    budget = make_budget(team, needs_two=True)
    with pytest.raises(InvalidInput) as refused:
        propose(budget, "everything", 5)
    assert refused.value.field == "kind"
    assert not Adjustment.objects.exists()


def test_a_budget_that_needs_two_waits_for_a_second_person(team):
    budget = make_budget(team, 1000, needs_two=True)
    spend(budget, 600)
    waiting = propose(budget, "limit", 2000)
    assert (waiting.status, waiting.needed_two, waiting.is_other_person) == ("proposed", True, None)
    assert row(budget).limit == 1000
    with pytest.raises(Conflict) as refused:
        decide(waiting.id, actor="person ada")
    assert refused.value.code == "same_person"
    assert row(budget).limit == 1000
    decided = decide(waiting.id)
    assert (decided.status, decided.decided_by, decided.is_other_person) == ("applied", "person bob", True)
    assert row(budget).limit == 2000
    last = row(budget).ledger.first()
    assert (last.actor, last.reason) == ("person bob", "counted twice (proposed by person ada)")
    with pytest.raises(Conflict) as refused:
        decide(waiting.id)
    assert refused.value.code == "already_decided"
    assert row(budget).limit == 2000


def test_who_proposed_a_change_may_take_it_back(team):
    budget = make_budget(team, 1000, needs_two=True)
    waiting = propose(budget, "spent", 5)
    assert decide(waiting.id, actor="person ada", is_approved=False, reason="no").status == "rejected"
    assert row(budget).spent == 0
    with pytest.raises(Conflict):
        decide(waiting.id)


def test_nobody_goes_round_the_second_person(team):
    budget = make_budget(team, 1000, needs_two=True)
    spend(budget, 100)
    attempts = [
        lambda: services.allot(budget_id=budget, limit=Decimal(5000), actor="a", reason="x", now=NOW),
        lambda: services.reset_budget(budget_id=budget, actor="a", reason="x", now=NOW),
        lambda: services.configure_budget(budget_id=budget, actor="a", now=NOW, needs_two=False),
        lambda: services.configure_budget(budget_id=budget, actor="a", now=NOW, pool=Decimal(500)),
        lambda: services.deallocate(budget_id=budget, actor="a", reason="x", now=NOW),
    ]
    for attempt in attempts:
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "needs_two"
    assert (row(budget).limit, row(budget).spent, row(budget).needs_two) == (1000, 100, True)
    assert row(budget).deallocated_at is None
    services.configure_budget(budget_id=budget, actor="a", now=NOW, name="may be renamed")


def test_two_people_can_agree_that_one_is_enough_again(team):
    budget = make_budget(team, 1000, needs_two=True)
    waiting = propose(budget, "single")
    with pytest.raises(Conflict):
        decide(waiting.id, actor="person ada")
    decide(waiting.id)
    assert row(budget).needs_two is False
    assert row(budget).history.first().history_change_reason.startswith("person bob: counted twice")


def key_of(team: Team, maker: User | None) -> str:
    key = ApiKey.objects.get(team=team.team_id)
    ApiKey.objects.filter(pk=key.pk).update(created_by=maker)
    return f"key {key.prefix}"


def test_somebody_and_their_key_are_one_person(team):
    ada = User.objects.create_user("ada")
    key = key_of(team, ada)
    budget = make_budget(team, 1000, needs_two=True)
    for proposer, decider in (("person ada", key), (key, "person ada")):
        waiting = propose(budget, "limit", 2000, actor=proposer)
        with pytest.raises(Conflict) as refused:
            decide(waiting.id, actor=decider)
        assert refused.value.code == "same_person"
    assert decide(waiting.id, actor="person bob").is_other_person is True


def test_where_nobody_knows_who_made_a_key_that_is_said(team):
    key = key_of(team, None)
    budget = make_budget(team, 1000, needs_two=True)
    waiting = propose(budget, "limit", 2000)
    assert decide(waiting.id, actor=key).is_other_person is None
    assert get_adjustment(waiting.id).is_other_person is None


def test_the_database_itself_wants_two_people(team):
    budget = make_budget(team, 1000, needs_two=True)
    waiting = propose(budget, "limit", 2000)
    rows = Adjustment.objects.filter(pk=waiting.id)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(status="applied", decided_by="person ada", decided_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(status="applied", decided_by="person bob", decided_at=None)


def test_a_change_that_no_longer_fits_keeps_waiting(team):
    budget = make_budget(team, 1000, needs_two=True)
    waiting = propose(budget, "limit", 500)
    spend(budget, 600)
    with pytest.raises(Conflict) as refused:
        decide(waiting.id)
    assert refused.value.code == "limit_below_use"
    assert get_adjustment(waiting.id).status == "proposed"


def test_changes_are_listed_newest_first(team):
    one, other = make_budget(team, 1000), make_budget(team, 1000, needs_two=True)
    first, second = propose(one, "limit", 5), propose(other, "limit", 6)
    assert [each.id for each in list_adjustments()] == [second.id, first.id]
    assert [each.id for each in list_adjustments(budget_id=one)] == [first.id]
    assert [each.id for each in list_adjustments(status="proposed")] == [second.id]
    assert list_adjustments(team_ids=frozenset()) == []
    with pytest.raises(NotFound):
        get_adjustment(0)
