from __future__ import annotations

import random
from math import log

import pytest
from django.core.management import call_command
from django.db import OperationalError, transaction

from budgets import services, tasks
from budgets.domain.estimates import Estimate, EstimateTerms, Mode, kind_of
from budgets.models import EstimateGroup, EstimateOutcome, Threshold
from budgets.selectors import get_estimate, list_accuracy
from budgets.services import estimates
from tests.integration.world import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _thresholds(db):
    services.load_reference(now=NOW)


def predict(*, purpose="p", model_class="M", complexity=None, roles=1, mode=None) -> Estimate:
    return get_estimate(mode=mode, role_count=roles, complexity=complexity, model_class=model_class, purpose=purpose)


def settle(actual: int, *, number: int, **shape) -> None:
    services.record_outcome(
        reference=f"request:{shape}{number}", predicted=predict(**shape), actual_tokens=actual, at=NOW
    )


def settle_many(count: int, actual: int, **shape) -> None:
    for number in range(count):
        settle(actual, number=number, **shape)
    services.learn_estimates(now=NOW)


def test_a_new_deployment_uses_the_documents_figures():
    express, council = predict(), predict(complexity=0.8, roles=4)
    assert (express.p50_tokens, express.p95_tokens, express.basis, express.outcome_count) == (
        800,
        1300,
        "cold_start",
        0,
    )
    assert (council.kind.mode, council.p50_tokens, council.p95_tokens) == ("council", 3700, 4200)


def test_turned_thresholds_are_the_figures_of_a_cold_start():
    Threshold.objects.filter(name="estimate-express").update(value=1000)
    Threshold.objects.filter(name="estimate-margin").update(value=200)
    assert (predict().p50_tokens, predict().p95_tokens) == (1000, 1200)


def test_an_outcome_is_learned_once():
    settle(2000, number=1)
    settle(9000, number=1)
    assert services.learn_estimates(now=NOW) == 1
    once = list_accuracy()
    assert services.learn_estimates(now=NOW) == 0
    assert list_accuracy() == once
    assert EstimateOutcome.objects.get().actual_tokens == 2000
    assert {facts.outcome_count for facts in once} == {1}


def test_a_group_answers_from_20_outcomes_on_and_the_one_above_before_that():
    settle_many(19, 2000)
    assert predict().basis == "cold_start"
    settle(2000, number=19)
    services.learn_estimates(now=NOW)
    own = predict()
    assert (own.basis, own.group, own.outcome_count) == ("learned", own.kind, 20)
    neighbour = predict(purpose="q")
    assert (neighbour.group.purpose, neighbour.group.model_class) == ("*", "M")
    assert neighbour.p50_tokens == own.p50_tokens
    stranger = predict(model_class="XL", complexity=0.1, purpose="q")
    assert (stranger.group.purpose, stranger.group.model_class, stranger.group.complexity_band) == ("*", "*", "*")
    assert predict(mode="council").basis == "cold_start"


def test_a_new_group_begins_where_the_one_above_it_stands():
    settle_many(60, 4000)
    settle(4000, number=1, purpose="new")
    services.learn_estimates(now=NOW)
    learned = EstimateGroup.objects.get(purpose="new")
    assert learned.outcome_count == 1
    assert learned.p50_tokens > 3000


def test_outcomes_are_learned_in_the_order_in_which_they_were_settled(monkeypatch):
    draw = random.Random(3)
    for number in range(30):
        settle(round(draw.lognormvariate(log(2000), 0.5)), number=number)
    with transaction.atomic():
        services.learn_estimates(now=NOW)
        at_once = sorted(EstimateGroup.objects.values_list("purpose", "p50_tokens", "p95_tokens", "smoothed_error"))
        transaction.set_rollback(True)
    monkeypatch.setattr(estimates, "BATCH", 7)
    assert services.learn_estimates(now=NOW) == 30
    in_batches = sorted(EstimateGroup.objects.values_list("purpose", "p50_tokens", "p95_tokens", "smoothed_error"))
    assert in_batches == at_once


def test_a_worker_that_dies_half_way_loses_nothing_and_counts_nothing_twice(monkeypatch):
    for number in range(10):
        settle(2000, number=number)
    monkeypatch.setattr(estimates, "BATCH", 4)
    whole = estimates._store
    batches = iter((whole, _die))
    monkeypatch.setattr(estimates, "_store", lambda *args, **named: next(batches)(*args, **named))
    with pytest.raises(OperationalError):
        services.learn_estimates(now=NOW)
    monkeypatch.setattr(estimates, "_store", whole)
    assert EstimateOutcome.objects.filter(learned_at=None).count() == 6
    assert {group.outcome_count for group in EstimateGroup.objects.all()} == {4}
    assert services.learn_estimates(now=NOW) == 6
    assert {group.outcome_count for group in EstimateGroup.objects.all()} == {10}


def test_accuracy_tells_shares_error_and_target_of_each_group():
    settle_many(20, 1000)
    settle_many(5, 10_000, purpose="q")
    facts = {each.kind.purpose: each for each in list_accuracy() if each.kind.model_class == "M"}
    assert list(facts) == ["*", "p", "q"]
    good, poor = facts["p"], facts["q"]
    assert (good.outcome_count, good.within_target_share, good.meets_target, good.is_adapting) == (20, 1.0, True, False)
    assert good.covered_share == 1.0
    assert good.mean_error == pytest.approx(0.2)
    assert (poor.within_target_share, poor.meets_target, poor.is_adapting, poor.covered_share) == (
        0.0,
        False,
        True,
        0.0,
    )
    assert poor.target_share == 0.8
    assert (good.is_coarse, facts["*"].is_coarse, facts["*"].outcome_count) == (False, True, 25)


def test_an_estimate_takes_two_queries(django_assert_num_queries):
    with django_assert_num_queries(2):
        predict()


def test_a_batch_takes_the_same_queries_however_many_it_holds(django_assert_num_queries):
    for number in range(40):
        settle(1000 + number, number=number, purpose=f"p{number % 5}")
    with django_assert_num_queries(10):
        services.learn_estimates(now=NOW)


def test_mixed_work_is_covered_at_95_of_100_in_every_group():
    """Three kinds of work, log-normal, from a cold start: the estimates of the last half of 900 outcomes."""
    draw = random.Random(20261121)
    kinds = {"short": (300, 0.3), "usual": (1500, 0.5), "long": (9000, 0.7)}
    covered: dict[str, list[bool]] = {name: [] for name in kinds}
    for number in range(900):
        name = draw.choice(list(kinds))
        median, spread = kinds[name]
        actual = round(draw.lognormvariate(log(median), spread))
        covered[name].append(actual < predict(purpose=name).p95_tokens)
        settle(actual, number=number, purpose=name)
        if number % 10 == 9:
            services.learn_estimates(now=NOW)
    for outcomes in covered.values():
        late = outcomes[len(outcomes) // 2 :]
        assert 0.91 <= sum(late) / len(late) <= 0.99


def test_the_command_prints_each_group_and_all_together(capsys):
    call_command("estimate_accuracy")
    assert capsys.readouterr().out == "No settled work was learned from yet.\n"
    settle_many(20, 1000)
    settle_many(5, 10_000, purpose="q")
    call_command("estimate_accuracy")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:5] == ["mode", "roles", "complexity", "model", "purpose"]
    assert [line.split()[4:7] for line in lines[3:5]] == [["p", "20", "100.0%"], ["q", "5", "0.0%"]]
    assert lines[4].endswith("below 80%, learns twice as fast, too few to answer")
    assert lines[-1] == "All: 25 outcomes, 80.0% within 30 % (target 80%), 80.0% below p95 (meant: 95 %). * is any."


def test_the_task_learns_and_tolerates_newer_callers():
    settle(2000, number=1)
    tasks.learn_estimates(later="something new")
    assert not EstimateOutcome.objects.filter(learned_at=None).exists()


def _die(*args, **named):
    raise OperationalError("the worker was killed")


def test_the_finest_group_of_work_is_what_was_said_of_it():
    kind = kind_of(mode=Mode.EXPRESS, role_count=1, complexity=0.2, model_class="M", purpose="p", terms=EstimateTerms())
    assert predict(complexity=0.2).kind == kind
