"""Raw statements mean the same on both databases."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from budgets.models import Budget, SpendBucket
from config.kernel.raw import run_all
from config.kernel.sql import fetch, identifier, insert, marks, moment, some, write
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db
ADD = "ON CONFLICT (budget_id, starts_at) DO UPDATE SET spent = budgets_spendbucket.spent + EXCLUDED.spent"
ONE = "SELECT 1"
SPEND = """
UPDATE budgets_budget SET spent = budgets_budget.spent + v.column2
  FROM (VALUES {}) AS v WHERE budgets_budget.id = v.column1"""


@pytest.fixture
def budget(db):
    load_world()
    return make_budget(make_team())


def test_identifiers_and_times_come_back_as_they_were_stored(budget):
    query = "SELECT id, period_starts_at, period_ends_at FROM budgets_budget WHERE id IN "
    [(found, starts_at, ends_at)] = fetch(query + some(2), [budget, uuid4()])
    assert (identifier(found), moment(starts_at), moment(ends_at)) == (budget, NOW, None)


def test_several_writes_go_together_and_the_orm_reads_what_they_wrote(budget):
    hour = datetime(2026, 3, 4, 10, tzinfo=UTC)
    moves = [(budget, 7), (uuid4(), 9)]
    columns = ("budget_id", "starts_at", "spent", "refusals")
    slice_ = insert("budgets_spendbucket", columns, [(budget, hour, 5, 0)], after=ADD)
    spend = SPEND.format(marks(moves)), [value for move in moves for value in move]
    write([slice_, slice_])
    with CaptureQueriesContext(connection) as queries:
        write([slice_, spend, spend])
    assert Budget.objects.get(pk=budget).spent == 14
    assert SpendBucket.objects.values_list("starts_at", "spent").get() == (hour, 15)
    assert len(queries) == 3


def test_nothing_to_write_is_no_statement(db):
    with CaptureQueriesContext(connection) as queries:
        write([])
    assert len(queries) == 0


@pytest.mark.parametrize("is_heard", [False, True])
def test_what_the_database_refuses_is_an_error_of_django(budget, is_heard):
    refused = insert("budgets_spendbucket", ("budget_id", "starts_at", "spent", "refusals"), [(budget, NOW, None, 0)])
    listening = CaptureQueriesContext(connection) if is_heard else nullcontext()
    for statements in ([refused], [(ONE, []), refused, (ONE, [])]):
        with listening, pytest.raises(IntegrityError), transaction.atomic():
            write(statements)
    assert fetch(ONE) == [(1,)]


def test_after_an_error_that_undid_the_transaction_nothing_more_is_done(budget):
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            fetch(ONE)


def test_each_of_several_statements_tells_its_rows(budget):
    spend = f"{SPEND.format(marks([(budget, 7)]))} RETURNING spent"
    assert run_all([(ONE, []), (spend, [budget, 7]), (spend, [budget, 7])]) == [[(1,)], [(7,)], [(14,)]]


KEPT = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT 41 +%%'"


@pytest.fixture
def connecting_anew(transactional_db):
    """A connection of its own, and none of its settings for whoever comes next."""
    connection.close()
    yield connection.settings_dict
    connection.close()


@pytest.mark.postgres
def test_the_plan_of_what_is_asked_again_is_kept_until_a_rollback_and_made_anew_after_it(connecting_anew):
    for _ in range(2):
        assert [fetch("SELECT 41 + %s", [1]) for _ in range(7)] == [[(42,)]] * 7
        assert fetch(KEPT) == [(1,)]
        with transaction.atomic():
            fetch(ONE)
            transaction.set_rollback(True)
        assert fetch(KEPT) == [(0,)]


@pytest.mark.postgres
def test_behind_a_pooler_no_plan_is_kept(connecting_anew, monkeypatch):
    monkeypatch.setitem(connecting_anew, "DISABLE_SERVER_SIDE_CURSORS", True)
    assert [fetch("SELECT 41 + %s", [1]) for _ in range(7)] == [[(42,)]] * 7
    assert fetch(KEPT) == [(0,)]
