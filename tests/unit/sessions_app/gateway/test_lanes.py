"""Lanes: lost connections, waiters who leave, loops that end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError

from config.kernel.errors import Unavailable
from sessions_app.services.gateway import lanes
from sessions_app.services.gateway.lanes import UNREACHABLE, Lane

SECONDS = 5


def lane_of(work: Callable[[Sequence[Any]], Sequence[Any]], **facts: Any) -> Lane[Any, Any]:
    return Lane("tested", work, is_transaction=False, **facts)


@pytest.fixture
def is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_is_lost", lambda: True)


def failing(times: int) -> tuple[Callable[[Sequence[int]], Sequence[int]], list[int]]:
    """Work that finds the database gone so many times, and how many items came each time."""
    seen: list[int] = []

    def work(items: Sequence[int]) -> Sequence[int]:
        seen.append(len(items))
        if len(seen) <= times:
            raise OperationalError("gone")
        return [item * 2 for item in items]

    return work, seen


def test_work_over_a_lost_connection_is_tried_again_where_the_lane_has_patience(is_lost: None) -> None:
    work, seen = failing(2)

    assert asyncio.run(lane_of(work, patience_seconds=SECONDS).submit(4)) == 8
    assert len(seen) == 3


def test_without_patience_it_is_refused_and_the_lane_goes_on_once_the_database_is_back(is_lost: None) -> None:
    work, seen = failing(1)
    lane = lane_of(work)

    with pytest.raises(Unavailable) as refused:
        asyncio.run(lane.submit(4))

    assert (refused.value.code, refused.value.retry_after_seconds) == (UNREACHABLE, lanes.RETRY_AFTER_SECONDS)
    assert asyncio.run(lane.submit(4)) == 8
    assert len(seen) == 2


def test_a_database_that_is_known_to_be_down_is_asked_once_for_a_batch(is_lost: None) -> None:
    begun, go = threading.Event(), threading.Event()
    work, seen = failing(2)

    def slow(items: Sequence[int]) -> Sequence[int]:
        begun.set()
        go.wait(SECONDS)
        return work(items)

    async def together() -> list[Any]:
        first = asyncio.ensure_future(lane.submit(1))
        await asyncio.to_thread(begun.wait, SECONDS)
        others = [asyncio.ensure_future(lane.submit(number)) for number in range(9)]
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    lane = lane_of(slow)

    assert all(isinstance(each, Unavailable) for each in asyncio.run(together()))
    assert seen == [1, 9]


def test_one_item_that_the_database_refuses_does_not_fail_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_is_lost", lambda: False)

    def work(items: Sequence[int]) -> Sequence[int]:
        if 3 in items:
            raise IntegrityError("three")
        return list(items)

    async def together() -> list[Any]:
        return await asyncio.gather(*(lane.submit(each) for each in range(6)), return_exceptions=True)

    lane = lane_of(work)
    results = asyncio.run(together())

    assert isinstance(results.pop(3), Unavailable)
    assert results == [0, 1, 2, 4, 5]


@pytest.mark.parametrize("leaves", ["while it is worked on", "when the result is there", "by the end of its loop"])
def test_what_comes_of_an_item_whose_waiter_has_gone_is_discarded_once(leaves: str) -> None:
    begun, go = threading.Event(), threading.Event()
    unwanted: list[tuple[int, int]] = []

    def work(items: Sequence[int]) -> Sequence[int]:
        begun.set()
        go.wait(SECONDS)
        return [item * 2 for item in items]

    async def leave() -> None:
        waiting = asyncio.ensure_future(lane.submit(4))
        await asyncio.to_thread(begun.wait, SECONDS)
        if leaves == "by the end of its loop":
            return
        if leaves == "when the result is there":
            go.set()
            lane.wait_until_idle(seconds=SECONDS)  # the loop cannot turn meanwhile, so the waiter has not heard
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    lane = lane_of(work, unwanted=lambda item, result: unwanted.append((item, result)))
    asyncio.run(leave())
    go.set()

    assert lane.wait_until_idle(seconds=SECONDS)
    assert unwanted == [(4, 8)]
