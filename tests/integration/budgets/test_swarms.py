"""Pools, swarms and trees made from templates."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets import services
from budgets.domain.units import Unit
from budgets.models import Budget, BudgetAlert, BudgetTemplate, Threshold
from budgets.selectors import get_budget, list_ledger_differences, list_templates
from config.kernel.errors import Conflict, InvalidInput, NotFound
from tests.integration.budgets.work import row, spend
from tests.integration.world import NOW, Team, make_budget, make_team, undone

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    services.load_reference(now=NOW)
    return make_team()


def make_pool(team: Team):
    return services.create_pool(
        name="pool",
        organisation_id=team.organisation_id,
        team_id=team.team_id,
        parent_id=None,
        actor="test",
        now=NOW,
    )


def swarm(pool, name: str = "swarm", amount: int | None = None):
    wanted = None if amount is None else Decimal(amount)
    return services.allot_swarm(parent_id=pool, name=name, amount=wanted, actor="test", now=NOW)


def test_swarms_and_trees_below_a_budget_of_one_class_are_of_that_class(team):
    above = make_budget(team, 500_000, model_class="L")
    assert row(swarm(above)).model_class == "L"
    top = plant(team, BudgetTemplate.objects.order_by("name")[0].name, parent_id=above)
    assert {row(top).model_class, *Budget.objects.filter(parent=top).values_list("model_class", flat=True)} == {"L"}


def plant(team: Team, template: str, **changes):
    values = {
        "name": "tree",
        "parent_id": None,
        "organisation_id": team.organisation_id,
        "team_id": team.team_id,
        "actor": "test",
        "now": NOW,
    }
    return services.make_tree(template=template, **{**values, **changes})


def test_three_full_swarms_fit_the_fourth_gets_40000_and_the_fifth_nothing(team):
    pool = make_pool(team)
    assert [row(swarm(pool, f"{n}")).limit for n in range(4)] == [50_000, 50_000, 50_000, 40_000]
    with pytest.raises(Conflict) as refused:
        swarm(pool, "fifth")
    assert (refused.value.code, refused.value.facts) == ("pool_empty", {"left": 0})
    assert Budget.objects.filter(parent=pool).count() == 4
    assert get_budget(pool).level == "team"
    assert get_budget(Budget.objects.filter(parent=pool)[0].pk).level == "session"


def test_a_swarm_that_ends_makes_room_for_what_it_did_not_spend(team):
    pool = make_pool(team)
    first = swarm(pool, "first")
    swarm(pool, "second", 140_000)
    with pytest.raises(Conflict):
        swarm(pool, "third", 1)
    spend(first, 20_000)
    services.deallocate(budget_id=first, actor="test", reason="over", now=NOW)
    with pytest.raises(Conflict):
        swarm(pool, "third", 30_001)
    assert row(swarm(pool, "third", 30_000)).limit == 30_000
    assert list_ledger_differences() == []


def test_a_pool_warns_by_what_is_used_and_not_by_what_is_allotted(team):
    pool = make_pool(team)
    first, second = swarm(pool, "first", 120_000), swarm(pool, "second", 70_000)
    assert not BudgetAlert.objects.exists()
    spend(first, 120_000)
    assert get_budget(pool).warnings_passed == ()
    spend(second, 30_000)
    assert get_budget(pool).warnings_passed == (150_000,)
    spend(second, 30_000)
    assert get_budget(pool).warnings_passed == (150_000, 180_000)
    assert BudgetAlert.objects.filter(budget=pool, kind="amount").count() == 2


def test_figures_of_swarms_are_thresholds_that_an_administrator_turns(team):
    Threshold.objects.filter(name="swarm-allotment").update(value=20_000)
    Threshold.objects.filter(name="pool-reserve").update(value=175_000)
    pool = make_pool(team)
    assert [row(swarm(pool, "a")).limit, row(swarm(pool, "b")).limit] == [20_000, 5_000]


def test_swarms_come_from_pools_of_tokens_only(team):
    for changes in ({"unit": Unit.CARBON_G}, {}):
        pool = make_budget(team, 9_000, **changes)
        with pytest.raises((InvalidInput, Conflict)):
            swarm(pool)
        assert not row(pool).children.exists()


WORK = st.lists(st.tuples(st.sampled_from(["swarm", "exact", "spend", "end"]), st.integers(1, 60_000)), max_size=25)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(work=WORK)
def test_swarms_together_never_hold_more_than_the_pool_less_its_reserve(team, work):
    with undone():
        pool, living, gone = make_pool(team), [], 0
        for number, (what, tokens) in enumerate(work):
            chosen = living[tokens % len(living)] if living else None
            left = 190_000 - gone - sum(row(each).limit for each in living)
            if what in ("swarm", "exact"):
                wanted = min(50_000, left) if what == "swarm" else tokens
                if 0 < wanted <= left:
                    living.append(swarm(pool, f"{number}", tokens if what == "exact" else None))
                    assert row(living[-1]).limit == wanted
                else:
                    with pytest.raises(Conflict):
                        swarm(pool, f"{number}", tokens if what == "exact" else None)
            elif chosen and what == "spend":
                spend(chosen, min(tokens, row(chosen).limit - row(chosen).spent))
            elif chosen:
                services.deallocate(budget_id=chosen, actor="test", reason="over", now=NOW)
                living.remove(chosen)
                gone += row(chosen).spent
        assert list_ledger_differences() == []


def test_shipped_templates_hold_the_founding_figures(team):
    totals = {template.name: template.total for template in list_templates()}
    assert totals == {"development-cycle": 190_000, "operations": 4_000, "swarm-pool": 200_000}
    assert services.load_reference(now=NOW)["templates"] == 0


def test_a_tree_is_made_as_a_root_or_below_a_budget(team):
    tree = plant(team, "development-cycle", name="session 1")
    assert (row(tree).name, row(tree).limit, row(tree).level) == ("session 1", 190_000, "session")
    phases = {child.name: (child.limit, child.level) for child in row(tree).children.all()}
    assert phases["sync"] == (40_000, "phase")
    assert len(phases) == 7
    operations = plant(team, "operations", name="tester", parent_id=tree)
    assert (row(operations).depth, row(operations).level) == (1, "agent")
    assert row(operations).children.get(name="response").limit == 2000
    assert list_ledger_differences() == []


def test_a_pool_made_from_its_template_warns_and_feeds_swarms(team):
    pool = plant(team, "swarm-pool")
    assert get_budget(pool).warning_amounts == (150_000, 180_000)
    assert [row(swarm(pool, f"{n}")).limit for n in range(4)][-1] == 40_000


def test_a_tree_is_made_whole_or_not_at_all(team):
    deep = {"name": "leaf", "limit": 1}
    for number in range(6):
        deep = {"name": f"{number}", "limit": 1, "children": [deep]}
    services.save_template(
        name="deep", title="Deep", description="", unit=Unit.TOKENS, nodes=[deep], rationale="", actor="test"
    )
    parent = make_budget(team, 10)
    plant(team, "deep", parent_id=parent)
    count = Budget.objects.count()
    low = Budget.objects.order_by("-depth")[0].path_ids[1]
    with pytest.raises(InvalidInput):
        plant(team, "deep", parent_id=low)
    assert Budget.objects.count() == count
    with pytest.raises(NotFound):
        plant(team, "unknown")


def test_budgets_side_by_side_get_one_above_them(team):
    nodes = [{"name": "a", "limit": 10}, {"name": "b", "limit": 20}]
    services.save_template(
        name="pair", title="Pair", description="", unit=Unit.TOKENS, nodes=nodes, rationale="", actor="test"
    )
    tree = plant(team, "pair", name="both")
    assert (row(tree).name, row(tree).limit, row(tree).children.count()) == ("both", 30, 2)


def test_a_template_is_changed_with_its_history_and_never_to_nonsense(team):
    row_before = BudgetTemplate.objects.get(pk="operations")
    values = {"name": "operations", "title": "Ops", "description": "x", "unit": Unit.TOKENS, "rationale": "y"}
    with pytest.raises(InvalidInput):
        services.save_template(**values, nodes=[{"name": "a"}], actor="person ada")
    assert BudgetTemplate.objects.get(pk="operations").nodes == row_before.nodes
    services.save_template(**values, nodes=[{"name": "a", "limit": 5}], actor="person ada")
    changed = BudgetTemplate.objects.get(pk="operations")
    assert (changed.title, changed.history.first().history_change_reason) == ("Ops", "person ada")
    services.load_reference(now=NOW)
    assert BudgetTemplate.objects.get(pk="operations").title == "Ops"
