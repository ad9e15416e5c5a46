from __future__ import annotations

import asyncio

from dashboard.coalescer import Coalescer


def test_a_burst_of_marks_is_flushed_once_soon_and_once_after_the_rest() -> None:
    flushed: list[set[str]] = []

    async def flush(names: set[str]) -> None:
        flushed.append(names)

    async def burst() -> None:
        coalescer = Coalescer(flush, delay_seconds=0.01, rest_seconds=0.05)
        for _ in range(100):
            coalescer.mark({"headline"})
        await asyncio.sleep(0.03)
        assert flushed == [{"headline"}]
        for _ in range(100):
            coalescer.mark({"headline", "budgets"})
        await asyncio.sleep(0.01)
        assert len(flushed) == 1
        await asyncio.sleep(0.1)

    asyncio.run(burst())
    assert flushed == [{"headline"}, {"headline", "budgets"}]


def test_a_mark_after_a_quiet_time_does_not_wait_for_the_rest() -> None:
    flushed: list[set[str]] = []

    async def flush(names: set[str]) -> None:
        flushed.append(names)

    async def twice() -> None:
        coalescer = Coalescer(flush, delay_seconds=0.0, rest_seconds=0.02)
        coalescer.mark({"a"})
        await asyncio.sleep(0.06)
        coalescer.mark({"b"})
        await asyncio.sleep(0.01)

    asyncio.run(twice())
    assert flushed == [{"a"}, {"b"}]


def test_nothing_is_flushed_once_stopped() -> None:
    flushed: list[set[str]] = []

    async def flush(names: set[str]) -> None:
        flushed.append(names)

    async def stopped() -> None:
        coalescer = Coalescer(flush, delay_seconds=0.01, rest_seconds=0.0)
        coalescer.mark({"a"})
        coalescer.stop()
        await asyncio.sleep(0.03)

    asyncio.run(stopped())
    assert flushed == []
