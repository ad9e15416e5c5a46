"""Several workers learn, analyse and decide at once: on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from budgets import services
from budgets.models import Budget, BudgetProposal, EconomicEvent, EstimateGroup, EstimateOutcome, PeriodRecord
from budgets.selectors import get_estimate, list_ledger_differences
from budgets.services import estimates
from config.kernel.errors import Conflict
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 6


def at_once(work, count: int = WORKERS) -> list:
    def run(index: int):
        try:
            return work(index)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return list(pool.map(run, range(count)))


def figures() -> list[tuple]:
    return sorted(EstimateGroup.objects.values_list("purpose", "outcome_count", "p50_tokens", "p95_tokens"))


def test_of_many_workers_each_outcome_is_learned_by_one_and_in_order(monkeypatch):
    services.load_reference(now=NOW)
    monkeypatch.setattr(estimates, "BATCH", 9)
    predicted = get_estimate(mode="express", role_count=1, complexity=None, model_class="M", purpose="p")
    for number in range(100):
        services.record_outcome(
            reference=f"request:{number}", predicted=predicted, actual_tokens=300 + 37 * (number % 41), at=NOW
        )
    learned = at_once(lambda _: services.learn_estimates(now=NOW))
    assert sum(learned) == 100
    together = figures()
    assert {count for _, count, _, _ in together} == {100}
    EstimateGroup.objects.all().delete()
    EstimateOutcome.objects.update(learned_at=None)
    services.learn_estimates(now=NOW)
    assert figures() == together


def test_of_many_reports_of_the_same_work_one_is_kept():
    services.load_reference(now=NOW)
    budget_id = make_budget(make_team())
    at_once(
        lambda index: services.record_value(
            budget_id=budget_id,
            reference="request:1",
            held_tokens=100,
            used_tokens=100,
            quality=1.0,
            collaboration=1.0,
            at=NOW,
        ),
        12,
    )
    assert EconomicEvent.objects.count() == 3


def test_of_many_analyses_and_decisions_one_proposal_is_open_and_one_person_decides():
    services.load_reference(now=NOW)
    team = make_team()
    root = make_budget(team, 200_000, name="root")
    for name, hours_refused in (("a", 4), ("b", 0), ("c", 0)):
        child = make_budget(team, 30_000, name=name, parent_id=root)
        for back in (1, 2):
            PeriodRecord.objects.create(
                budget_id=child,
                starts_at=NOW - timedelta(days=back),
                ended_at=NOW - timedelta(days=back - 1),
                base_limit=30_000,
                limit=30_000,
                spent=20_000,
                reserved=0,
                overdraft=0,
                hours_refused=hours_refused,
            )
    made = at_once(lambda _: services.propose_changes(parent_id=root, actor="analysis", now=NOW))
    assert len(set(made)) == WORKERS
    proposal = BudgetProposal.objects.get(status="open")

    def decide(index: int) -> bool:
        try:
            services.decide_proposal(
                proposal_id=proposal.pk, is_accepted=True, reason="yes", actor=f"operator {index}", now=NOW
            )
        except Conflict:
            return False
        return True

    assert at_once(decide).count(True) == 1
    assert sum(Budget.objects.filter(parent=root).values_list("limit", flat=True)) == 90_000
    assert list_ledger_differences() == []
