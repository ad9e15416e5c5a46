"""The same key from many connections at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from accounts.models import IdempotentAnswer, Organisation
from accounts.services import idempotency
from accounts.services.idempotency import Answer, answer_once, fingerprint_of
from config.kernel.errors import Exhausted, StillRunning

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AFTER_THE_LOCK = NOW + timedelta(seconds=idempotency.LOCK_SECONDS + 1)
TRIES = 20


def ask(team_id, work, *, now=NOW):
    fingerprint = fingerprint_of("POST", "/", {})
    return answer_once(team_id=team_id, key="k-1", fingerprint=fingerprint, now=now, work=work)


def at_once(team_id, work, *, now=NOW):
    """The outcome of twenty parallel tries: an Answer or the refusal of each."""
    start = threading.Barrier(TRIES)

    def one_try(_):
        try:
            start.wait(10)
            return ask(team_id, work, now=now)
        except Exception as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(TRIES) as pool:
        return list(pool.map(one_try, range(TRIES)))


def make_one() -> Answer:
    row = Organisation.objects.create(name=f"made {Organisation.objects.count()}", country_code="BD", type="ngo")
    return Answer(201, {"id": row.pk})


def made():
    return Organisation.objects.filter(name__startswith="made").count()


def test_twenty_tries_at_once_run_exactly_once(team_id):
    outcomes = at_once(team_id, make_one)
    answers = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
    assert made() == 1
    assert [answer.is_replay for answer in answers].count(False) == 1
    assert len({answer.body["id"] for answer in answers}) == 1
    assert all(isinstance(outcome, Answer | StillRunning) for outcome in outcomes)
    assert ask(team_id, make_one).is_replay


def test_twenty_tries_at_once_of_refused_work_change_nothing_and_free_the_key(team_id):
    def refused() -> Answer:
        make_one()
        raise Exhausted("The budget is spent.")

    outcomes = at_once(team_id, refused)
    assert all(isinstance(outcome, Exhausted | StillRunning) for outcome in outcomes)
    assert any(isinstance(outcome, Exhausted) for outcome in outcomes)
    assert (made(), IdempotentAnswer.objects.count()) == (0, 0)


def test_of_twenty_that_find_the_lock_run_out_one_takes_over(team_id):
    idempotency._claim(team_id=team_id, key="k-1", fingerprint=fingerprint_of("POST", "/", {}), now=NOW)
    outcomes = at_once(team_id, make_one, now=AFTER_THE_LOCK)
    assert made() == 1
    assert all(isinstance(outcome, Answer | StillRunning) for outcome in outcomes)
    assert IdempotentAnswer.objects.get().fence == 2


def test_a_paused_try_that_wakes_after_the_take_over_is_undone(team_id):
    """The paused try has claimed the key but not begun its work; its fence is old when it wakes."""
    paused = idempotency._claim(team_id=team_id, key="k-1", fingerprint=fingerprint_of("POST", "/", {}), now=NOW)
    answered = ask(team_id, make_one, now=AFTER_THE_LOCK)

    @transaction.atomic
    def wake_up() -> None:
        idempotency._store(paused, make_one())

    with pytest.raises(StillRunning):
        wake_up()
    idempotency._free(paused)
    assert made() == 1
    assert ask(team_id, make_one).body == answered.body


def test_a_paused_try_that_wakes_while_its_successor_still_works_is_undone_and_frees_nothing(team_id):
    fingerprint = fingerprint_of("POST", "/", {})
    paused = idempotency._claim(team_id=team_id, key="k-1", fingerprint=fingerprint, now=NOW)
    successor = idempotency._claim(team_id=team_id, key="k-1", fingerprint=fingerprint, now=AFTER_THE_LOCK)

    @transaction.atomic
    def answer(row) -> None:
        idempotency._store(row, make_one())

    with pytest.raises(StillRunning):
        answer(paused)
    idempotency._free(paused)
    assert made() == 0
    answer(successor)
    assert made() == 1
    assert ask(team_id, make_one).is_replay


def test_inside_a_transaction_it_refuses_to_work(team_id):
    """Others could not see the claim, so two could run."""
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        ask(team_id, make_one)
    assert made() == 0
