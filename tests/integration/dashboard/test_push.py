from __future__ import annotations

import asyncio
import logging
import threading
import time

import pytest
from channels.layers import InMemoryChannelLayer

from dashboard import push as pushing


@pytest.fixture
def layer(monkeypatch):
    layer = InMemoryChannelLayer()
    monkeypatch.setattr(pushing, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(pushing, "_loop", None)
    return layer


def test_a_push_from_another_thread_wakes_a_waiting_socket(layer):
    async def wait() -> float:
        pushing.remember_loop(asyncio.get_running_loop())
        channel = await layer.new_channel()
        await layer.group_add("dashboard", channel)
        threading.Timer(0.05, pushing.push, ("dashboard", {"type": "nudge"})).start()
        began = time.monotonic()
        assert await asyncio.wait_for(layer.receive(channel), timeout=5) == {"type": "nudge"}
        return time.monotonic() - began

    # Sent any other way it comes only when something else happens to wake the loop.
    assert asyncio.run(wait()) < 1


def test_a_push_where_nobody_listens_is_no_error(layer, caplog):
    pushing.push("dashboard", {"type": "nudge"})
    assert not caplog.records


def test_a_push_to_a_loop_that_has_ended_is_no_error(layer, caplog):
    async def once() -> None:
        pushing.remember_loop(asyncio.get_running_loop())

    asyncio.run(once())
    pushing.push("dashboard", {"type": "nudge"})
    assert not caplog.records


def until(is_so, seconds=5.0) -> bool:
    """Whether it becomes so in time."""
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(is_so())


def test_a_push_that_fails_is_logged_and_hurts_nobody(monkeypatch, caplog):
    class BrokenLayer:
        async def group_send(self, group: str, message: object) -> None:
            raise ConnectionError("no broker")

    monkeypatch.setattr(pushing, "get_channel_layer", BrokenLayer)
    with caplog.at_level(logging.ERROR):
        pushing.push("dashboard", {"type": "nudge"})
        assert until(lambda: "push failed" in caplog.text)


def test_who_did_the_work_does_not_wait_for_a_slow_broker_and_what_waits_is_sent_once(monkeypatch):
    goes, sent = threading.Event(), []

    class SlowLayer:
        async def group_send(self, group: str, message: dict[str, object]) -> None:
            await asyncio.get_running_loop().run_in_executor(None, goes.wait)
            sent.append(message)

    slow = SlowLayer()
    monkeypatch.setattr(pushing, "get_channel_layer", lambda: slow)
    busy = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), pushing._own_loop())
    busy.result(5)
    holds = threading.Event()
    pushing._own_loop().call_soon_threadsafe(holds.wait)  # nothing is sent before this ends
    for _ in range(3):
        pushing.push("dashboard", {"type": "nudge", "team": 1})
    pushing.push("dashboard", {"type": "nudge", "team": 2})
    holds.set()
    assert sent == []
    goes.set()
    assert until(lambda: len(sent) == 2)
    pushing.push("dashboard", {"type": "nudge", "team": 1})
    assert until(lambda: [each["team"] for each in sent] == [1, 2, 1])
