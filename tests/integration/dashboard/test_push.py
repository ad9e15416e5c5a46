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


def test_a_push_that_fails_is_logged_and_hurts_nobody(monkeypatch, caplog):
    class BrokenLayer:
        async def group_send(self, group: str, message: object) -> None:
            raise ConnectionError("no broker")

    monkeypatch.setattr(pushing, "get_channel_layer", BrokenLayer)
    with caplog.at_level(logging.ERROR):
        pushing.push("dashboard", {"type": "nudge"})
    assert "push failed" in caplog.text
