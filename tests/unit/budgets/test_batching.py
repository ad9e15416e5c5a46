"""Whoever comes while a commit runs shares the next one; nobody hangs, whatever becomes of the leader."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import IntegrityError

from budgets.services.holds.batching import Alone, Batcher
from config.kernel.errors import Unavailable

QUEUE = uuid4()
SOON = 10  # seconds: far more than any of this takes


class Commits:
    """A commit that waits until it is let go, and remembers its batches."""

    def __init__(self, *outcomes):
        self.batches: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Semaphore(0)
        self.errors = list(outcomes)

    def __call__(self, asks):
        self.batches.append(list(asks))
        self.begun.release()
        assert self.let_go.acquire(timeout=SOON)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return [ask * 10 for ask in asks]


def waiting_for(batcher, count):
    """Wait until so many are in the queue behind the leader."""
    for _ in range(1000):
        if len(batcher._waiting.get(QUEUE, ())) == count:
            return
        threading.Event().wait(0.005)
    raise AssertionError("They never came.")


def asked(batcher, pool, asks):
    futures = []
    for ask in asks:
        before = len(batcher._waiting.get(QUEUE, ()))
        futures.append(pool.submit(batcher.ask, QUEUE, ask))
        waiting_for(batcher, before + 1)
    return futures


def led_by_the_first(commits, batcher, pool, followers):
    """The first is committing; the others wait behind it."""
    first = pool.submit(batcher.ask, QUEUE, 1)
    assert commits.begun.acquire(timeout=SOON)
    return [first, *asked(batcher, pool, followers)]


def test_who_is_alone_waits_for_nobody():
    commits = Commits()
    commits.let_go.release()
    assert Batcher(commits).ask(QUEUE, 7) == 70
    assert commits.batches == [[7]]


def test_those_who_come_during_a_commit_share_the_next():
    commits = Commits()
    batcher = Batcher(commits)
    with ThreadPoolExecutor(4) as pool:
        futures = led_by_the_first(commits, batcher, pool, [2, 3, 4])
        commits.let_go.release(2)
        assert [future.result(SOON) for future in futures] == [10, 20, 30, 40]
    assert commits.batches == [[1], [2, 3, 4]]


def test_a_batch_is_bounded():
    commits = Commits()
    batcher = Batcher(commits, most=2)
    with ThreadPoolExecutor(5) as pool:
        futures = led_by_the_first(commits, batcher, pool, [2, 3, 4, 5])
        commits.let_go.release(3)
        assert [future.result(SOON) for future in futures] == [10, 20, 30, 40, 50]
    assert commits.batches == [[1], [2, 3], [4, 5]]


def test_other_queues_do_not_wait():
    commits = Commits()
    batcher = Batcher(commits)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(batcher.ask, QUEUE, 1)
        assert commits.begun.acquire(timeout=SOON)
        other = pool.submit(batcher.ask, uuid4(), 2)
        assert commits.begun.acquire(timeout=SOON)
        commits.let_go.release(2)
        assert (first.result(SOON), other.result(SOON)) == (10, 20)


def test_a_batch_that_the_database_refuses_sends_everyone_on_alone():
    commits = Commits(None, IntegrityError("one of them"))
    batcher = Batcher(commits)
    with ThreadPoolExecutor(3) as pool:
        first, *others = led_by_the_first(commits, batcher, pool, [2, 3])
        commits.let_go.release(2)
        assert first.result(SOON) == 10
        for future in others:
            with pytest.raises(Alone):
                future.result(SOON)


class Killed(BaseException):
    """As if the thread were told to end."""


@pytest.mark.parametrize("death", [RuntimeError("a fault"), Killed()])
def test_when_a_leader_dies_its_followers_are_told_and_the_next_in_the_queue_leads(death):
    commits = Commits(None, death)
    batcher = Batcher(commits, most=2)
    with ThreadPoolExecutor(4) as pool:
        first, leader, follower, next_one = led_by_the_first(commits, batcher, pool, [2, 3, 4])
        commits.let_go.release(3)
        assert first.result(SOON) == 10
        with pytest.raises(type(death)):
            leader.result(SOON)
        with pytest.raises(Unavailable):
            follower.result(SOON)
        assert next_one.result(SOON) == 40
    assert batcher._waiting == {}


def test_who_was_never_taken_goes_on_alone_and_who_was_is_told_that_nothing_is_known():
    commits = Commits()
    batcher = Batcher(commits, most=2, longest_wait_seconds=0.3)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(batcher.ask, QUEUE, 1)
        assert commits.begun.acquire(timeout=SOON)
        never_taken = asked(batcher, pool, [2])[0]
        with pytest.raises(Alone):
            never_taken.result(SOON)
        leader, taken = asked(batcher, pool, [3, 4])
        commits.let_go.release()
        assert first.result(SOON) == 10
        with pytest.raises(Unavailable):
            taken.result(SOON)
        commits.let_go.release()
        assert leader.result(SOON) == 30
    assert batcher._waiting == {}
