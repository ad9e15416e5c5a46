"""Work that the database undid in favour of another's is tried again, and done once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F

from budgets.models import Budget
from config.kernel import transactions
from config.kernel.transactions import in_transaction
from tests.integration.world import make_budget, make_team

pytestmark = pytest.mark.django_db(transaction=True)
SOON = 20  # seconds


class SqlState(Exception):
    def __init__(self, sqlstate):
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def undone_by(sqlstate) -> OperationalError:
    error = OperationalError("undone")
    error.__cause__ = SqlState(sqlstate)
    return error


def failing(times, error, budget_id):
    """Work that fails so often after it has written, and the tries it took."""
    tries = []

    def work():
        tries.append(1)
        Budget.objects.filter(pk=budget_id).update(reserved=F("reserved") + 1)
        if len(tries) <= times:
            raise error
        return "done"

    return work, tries


@pytest.mark.parametrize("error", [undone_by("40001"), undone_by("40P01"), OperationalError("database is locked")])
def test_a_serialisation_failure_a_deadlock_and_a_lock_are_tried_again_and_done_once(error):
    budget = make_budget(make_team())
    work, tries = failing(2, error, budget)
    assert in_transaction(work) == "done"
    assert (len(tries), Budget.objects.get(pk=budget).reserved) == (3, 1)


@pytest.mark.parametrize("error", [undone_by("57P01"), IntegrityError("twice"), ValueError()])
def test_another_failure_is_not_tried_again(error):
    budget = make_budget(make_team())
    work, tries = failing(1, error, budget)
    with pytest.raises(type(error)):
        in_transaction(work)
    assert (len(tries), Budget.objects.get(pk=budget).reserved) == (1, 0)


def test_tries_have_an_end():
    budget = make_budget(make_team())
    work, tries = failing(100, undone_by("40001"), budget)
    with pytest.raises(OperationalError):
        in_transaction(work)
    assert (len(tries), Budget.objects.get(pk=budget).reserved) == (transactions.MOST_TRIES, 0)


def test_inside_somebody_elses_transaction_nothing_is_tried_again():
    budget = make_budget(make_team())
    work, tries = failing(1, undone_by("40001"), budget)
    with pytest.raises(OperationalError), transaction.atomic():
        in_transaction(work)
    assert len(tries) == 1


@pytest.mark.postgres
def test_two_that_wait_for_each_other_in_a_circle_both_get_through():
    team = make_team()
    ids = [make_budget(team, name="a"), make_budget(team, name="b")]
    both_hold_one = threading.Barrier(2)
    tries = []

    def cross(first, second):
        def work():
            tries.append(first)
            Budget.objects.filter(pk=first).update(reserved=F("reserved") + 1)
            if len(tries) <= 2:
                both_hold_one.wait(SOON)
            Budget.objects.filter(pk=second).update(reserved=F("reserved") + 1)

        try:
            in_transaction(work)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(cross, *ids), pool.submit(cross, *reversed(ids))]:
            done.result(SOON)
    assert [Budget.objects.get(pk=each).reserved for each in ids] == [2, 2]
    assert len(tries) == 3
