"""Tokens that are left out: held at what was learned, and learned from when the work is settled."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from budgets import services as budgets
from budgets.models import Budget, EconomicEvent, EstimateGroup, EstimateOutcome
from market import services
from market.domain.asks import Ask
from market.models import AllocationRequest, Decision
from tests.integration.world import NOW, make_budget

pytestmark = pytest.mark.django_db
URL = "/api/v1/requests/"


@pytest.fixture
def body(team):
    budget = make_budget(team, 100_000_000)
    return {"purpose": "climate_adaptation", "origin": "BD", "model_class": "L", "budget": str(budget)}


def settle(request_id: str, used_tokens: int, *, quality=None, collaboration=None, now=NOW):
    return services.settle(
        request_id=request_id,
        used_tokens=used_tokens,
        quality=quality,
        collaboration=collaboration,
        actor="test",
        now=now,
    )


def ask(team, body, **changes):
    answer = team.client.post(URL, {**body, **changes})
    assert answer.status_code in (201, 202), answer.json()
    return answer.json()


def learn_from(team, body, *, times: int, used_tokens: int) -> None:
    for _ in range(times):
        settle(ask(team, body)["id"], used_tokens)
    budgets.learn_estimates(now=NOW)


def test_what_is_left_out_is_held_at_the_95th_percentile_and_both_figures_are_told(team, body):
    got = ask(team, body, mode="council", roles=3, input_tokens=700)
    assert (got["tokens"], got["tokens_basis"]) == (700 + 2500 + 800 + 500, "estimated")
    estimate = got["estimate"]
    assert (estimate["p50_tokens"], estimate["p95_tokens"], estimate["basis"]) == (3300, 3800, "cold_start")
    assert estimate["kind"] == {
        "mode": "council",
        "role_count": 3,
        "complexity_band": "unknown",
        "model_class": "L",
        "purpose": "climate_adaptation",
    }
    assert (
        "700 of input, 3,800 beyond it held (95th percentile; median 3,300; the documents' figures)"
        in got["explanation"]
    )
    assert Decision.objects.get().inputs["estimate"] == estimate
    assert Budget.objects.get(pk=body["budget"]).reserved == 4500


def test_a_quote_shows_the_same_estimate_and_stores_nothing(team, body):
    quoted = team.client.post(f"{URL}quote/", {**body, "mode": "express"}).json()
    assert (quoted["tokens"], quoted["estimate"]["p50_tokens"], quoted["estimate"]["p95_tokens"]) == (1300, 800, 1300)
    assert AllocationRequest.objects.count() == 0


def test_stated_tokens_are_taken_as_they_are(team, body):
    got = ask(team, body, tokens=2000)
    assert (got["tokens"], got["tokens_basis"], got["estimate"]) == (2000, "stated", None)
    assert "estimated:" not in got["explanation"]
    settle(got["id"], 1500)
    assert EstimateOutcome.objects.count() == 0


def test_stated_work_of_known_shape_and_input_is_learned_from(team, body):
    got = ask(team, body, tokens=2000, input_tokens=400, mode="express")
    assert got["tokens"] == 2000
    assert "Tokens were estimated" not in got["explanation"]
    settle(got["id"], 1500)
    outcome = EstimateOutcome.objects.get()
    assert (outcome.actual_tokens, outcome.predicted_p50_tokens) == (1100, 800)


def test_settling_keeps_the_prediction_made_then_and_the_outcome_beyond_the_input(team, body):
    got = ask(team, body, mode="express", input_tokens=300)
    EstimateGroup.objects.create(
        mode="express",
        role_count=1,
        complexity_band="*",
        model_class="*",
        purpose="*",
        p50_tokens=5,
        p95_tokens=6,
        outcome_count=1000,
        updated_at=NOW,
    )
    settle(got["id"], 900)
    outcome = EstimateOutcome.objects.get(reference=f"request:{got['id']}")
    assert (outcome.predicted_p50_tokens, outcome.predicted_p95_tokens) == (800, 1300)
    assert (outcome.actual_tokens, outcome.learned_at) == (600, None)


def test_holds_follow_what_was_settled(team, body):
    learn_from(team, {**body, "mode": "express", "input_tokens": 100}, times=20, used_tokens=3100)
    got = ask(team, body, mode="express", input_tokens=100)
    assert got["estimate"]["basis"] == "learned"
    assert got["estimate"]["outcome_count"] == 20
    assert got["estimate"]["p50_tokens"] > 1500
    assert got["tokens"] == 100 + got["estimate"]["p95_tokens"] > 1400
    assert "learned from 20 settled requests" in got["explanation"]


def test_a_decision_from_learned_tokens_is_replayed_to_the_same_verdict(team, body):
    learn_from(team, {**body, "mode": "express"}, times=20, used_tokens=2000)
    got = ask(team, body, mode="express")
    learn_from(team, {**body, "mode": "express"}, times=2, used_tokens=9000)
    explained = team.client.get(f"{URL}{got['id']}/explain/").json()
    assert explained["agrees"] is True
    assert explained["inputs"]["estimate"] == got["estimate"]


def test_work_that_waits_keeps_its_estimate_until_it_is_taken_up(team, body):
    queued = services.submit(
        ask=_ask(body, latest=NOW + timedelta(hours=5)), principal=team.principal, now=NOW
    ).decision.request
    assert "Tokens were estimated" in queued.decisions.get().explanation
    services.run_allocation_pass(now=NOW + timedelta(minutes=1), trigger="test", actor="test")
    services.take_up(request_id=queued.pk, actor="test", now=NOW + timedelta(minutes=1))
    granted = Decision.objects.filter(request=queued).latest("sequence")
    assert granted.verdict == "granted"
    assert granted.inputs["estimate"] == queued.estimate
    settle(str(queued.pk), 700, now=NOW + timedelta(minutes=2))
    assert EstimateOutcome.objects.get().actual_tokens == 700


@pytest.mark.parametrize("used", [0, 60, 100, 1500])
def test_work_that_came_to_nothing_or_used_up_what_somebody_stated_teaches_nothing(team, body, used):
    got = ask(team, body, tokens=1500, input_tokens=100, mode="express")
    settle(got["id"], used)
    assert EstimateOutcome.objects.count() == 0


def test_simulated_work_teaches_nothing_and_has_no_value(team, body):
    got = ask(team, body, mode="express", carbon={"intensity_g_per_kwh": 100})
    settle(got["id"], 700, quality=1.0)
    assert EstimateOutcome.objects.count() == 0
    assert EconomicEvent.objects.count() == 0


def test_settling_with_a_quality_keeps_the_value_at_the_budget_that_paid(team, body):
    got = ask(team, body, tokens=1000)
    settle(got["id"], 950, quality=0.9, collaboration=0.5)
    events = {event.kind: event for event in EconomicEvent.objects.filter(budget=body["budget"])}
    assert {kind: event.value_tokens for kind, event in events.items()} == {
        "value_creation": pytest.approx(855),
        "collaboration_bonus": pytest.approx(427.5),
        "efficiency_gain": pytest.approx(55),
    }
    assert {(event.held_tokens, event.used_tokens, event.reference) for event in events.values()} == {
        (1000, 950, f"request:{got['id']}")
    }


def test_without_a_quality_the_value_is_unknown(team, body):
    settle(ask(team, body, tokens=1000)["id"], 950)
    assert EconomicEvent.objects.count() == 0


def _ask(body, **changes):
    return Ask(
        purpose=body["purpose"],
        model_class=body["model_class"],
        origin=body["origin"],
        mode="express",
        budget_id=UUID(body["budget"]),
        **changes,
    )
