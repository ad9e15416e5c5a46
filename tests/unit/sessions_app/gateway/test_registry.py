"""When what is in memory is used, and when it is read anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sessions_app.domain.gateway.deployments import Reach, Snapshot
from sessions_app.services.gateway import registry, rereading

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[datetime]]:
    """When it was read; nothing asks a database."""
    done: list[datetime] = []
    empty = Snapshot(
        loaded_at=NOW,
        policy_name="default",
        policy_version=1,
        terms=None,  # type: ignore[arg-type]
        all=(),
        by_name={},
        latency_km={},
        reach=Reach(),
    )

    def read(now: datetime) -> Snapshot:
        done.append(now)
        return replace(empty, loaded_at=now)

    monkeypatch.setattr(registry, "_read", read)
    monkeypatch.setattr(rereading, "close_old_connections", lambda: None)
    registry.forget()
    yield done
    registry.forget()  # what was made up here is no deployment of another test


def test_it_is_read_once_a_second_and_anew_after_a_change(reads: list[datetime]) -> None:
    for milliseconds in (0, 500, 999, 1000, 1500):
        registry.snapshot(NOW + timedelta(milliseconds=milliseconds))
    assert len(reads) == 2

    registry.forget()
    registry.snapshot(NOW + timedelta(milliseconds=1600))
    assert len(reads) == 3


def test_a_clock_that_went_back_keeps_nothing_old(reads: list[datetime]) -> None:
    registry.snapshot(NOW)
    registry.snapshot(NOW - timedelta(hours=1))

    assert len(reads) == 2


def test_an_event_loop_waits_for_the_first_only_and_for_what_is_too_old(reads: list[datetime]) -> None:
    async def work() -> None:
        first = await registry.current(NOW)
        soon = NOW + timedelta(seconds=2)
        assert await registry.current(soon) is first, "it waited although what was there was usable"
        await _until(lambda: registry.peek(soon) is not None)
        late = NOW + timedelta(minutes=1)
        assert (await registry.current(late)).loaded_at == late

    asyncio.run(work())
    assert len(reads) == 3


def test_many_who_wait_read_it_once(reads: list[datetime]) -> None:
    async def work() -> None:
        await asyncio.gather(*(registry.current(NOW) for _ in range(50)))

    asyncio.run(work())
    assert reads == [NOW]


def test_a_failed_read_ahead_does_not_end_reading(reads: list[datetime], monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(now: datetime) -> Any:
        raise RuntimeError("no database")

    async def work() -> None:
        await registry.current(NOW)
        working = registry._read
        monkeypatch.setattr(registry, "_read", failing)
        await registry.current(NOW + timedelta(seconds=2))
        await _until(lambda: not registry._rereader.is_reading)
        monkeypatch.setattr(registry, "_read", working)
        soon = NOW + timedelta(seconds=3)
        await registry.current(soon)
        await _until(lambda: registry.peek(soon) is not None)

    asyncio.run(work())


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.005)
