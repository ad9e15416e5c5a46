"""Who shares in a plan: an origin and a purpose, weighed by one policy, whatever policy a request names."""

from __future__ import annotations

from datetime import timedelta

import pytest

from market.models import Policy
from market.selectors import get_explanation, get_fairness
from market.services import activate_policy, create_policy_version
from tests.integration.market.planned_work import ask, only_room, plan_differences, run, standing
from tests.integration.world import NOW, make_budget, make_team
from tests.unit.market.examples import body

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
WINDOW = {"earliest": NOW.replace(minute=0) + HOUR, "latest": NOW.replace(minute=0) + 1.9 * HOUR, "tokens": 100}


@pytest.fixture
def budget(team):
    return make_budget(team, 1_000_000, is_default=True)


def make_policy(name: str, **changes) -> None:
    """A policy beside the default one, in force."""
    made = create_policy_version(name=name, body={**body(), **changes}, rationale="because", author_id=None, now=NOW)
    activate_policy(policy_id=made, now=NOW, actor="test")


def test_who_asks_under_two_policies_gets_no_more_than_who_asks_under_one(team, budget):
    make_policy("kinder", geographic={"high_need": 9, "climate_vulnerable": 9, "high_need_from_score": 0.0})
    only_room(1000)
    split = [ask(team.principal, origin="DE", policy=["default", "kinder"][each % 2], **WINDOW) for each in range(20)]
    whole = [ask(team.principal, origin="FR", **WINDOW) for _ in range(20)]
    run()
    got = [sum(standing(each).is_planned for each in asked) for asked in (split, whole)]
    assert got[0] == got[1] == 5
    report = get_fairness()
    assert [(each.origin, each.purpose, each.asked_tokens) for each in report.parties] == [
        ("DE", "general_ai_research", 2000),
        ("FR", "general_ai_research", 2000),
    ]
    assert len({each.weight for each in report.parties}) == 1
    assert report.policy == "default v1"
    assert plan_differences() == []


def test_each_request_keeps_the_price_of_its_own_policy_and_its_explanation_agrees(team, budget):
    plain, dear = ask(team.principal, **WINDOW), ask(team.principal, policy="seed-2025", **WINDOW)
    run()
    decisions = [standing(each).decision for each in (plain, dear)]
    assert decisions[0].service_micro_usd < decisions[1].service_micro_usd
    for request in (plain, dear):
        told = get_explanation(request.pk)
        assert told["agrees"] is True, (told["stored"], told["recomputed"])
        assert told["plan"]["party"]["policy"] == "default v1"
        assert any("by policy default v1" in each for each in told["plan"]["words"])


def test_weights_are_those_of_the_policy_that_is_in_force_for_everybody(team, budget):
    ask(team.principal, origin="BD", **WINDOW)
    run()
    before = get_fairness()
    seed = Policy.objects.get(name="seed-2025")
    activate_policy(policy_id=seed.pk, now=NOW, actor="test", make_default=True)
    run(now=NOW + timedelta(minutes=1))
    after = get_fairness()
    assert (before.policy, after.policy) == ("default v1", "seed-2025 v1")
    assert "home_grid" not in dict(before.parties[0].factors)
    assert dict(after.parties[0].factors)["home_grid"] > 1


def test_headquarters_make_a_party_only_where_the_plan_counts_them(db, team):
    company = make_team("Chips", country_code="US", type="company")
    make_budget(company, 1_000_000, is_default=True)
    ask(company.principal, origin="BD", policy="seed-2025", **WINDOW)
    run()
    assert [each.scored for each in get_fairness().parties] == ["US"]
    make_policy("default", company_scores_by_headquarters=False)
    run(now=NOW + timedelta(minutes=1))
    assert [(each.origin, each.scored) for each in get_fairness().parties] == [("BD", "BD")]
