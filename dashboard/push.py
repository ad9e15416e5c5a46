"""From the thread that did the work to the sockets that show it.

A push tells viewers that something changed, never what: each socket reads for itself what its
viewer may see. A push that fails is logged and never hurts the work; the next snapshot heals it.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import threading
from concurrent.futures import Future, wait
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

DASHBOARD_GROUP = "dashboard"
LAST_SECONDS = 2.0
"""So long a process that ends waits for what it has not sent yet."""

_loop: asyncio.AbstractEventLoop | None = None
_own: asyncio.AbstractEventLoop | None = None
_lock = threading.Lock()
_waiting: set[str] = set()
_under_way: set[Future[None]] = set()


def remember_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Note the loop that the sockets of this process live on. Called as each socket opens."""
    global _loop
    _loop = loop


def push(group: str, message: dict[str, Any]) -> None:
    """Send `message` to every socket in `group`, from any thread."""
    try:
        _push(group, message)
    except Exception:
        logger.exception("push failed", extra={"group": group})


def _push(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if not isinstance(layer, InMemoryChannelLayer):
        _send_aside(layer, group, message)
        return
    # The queues of the in-memory layer belong to the loop that the sockets wait on. From another
    # thread's loop a message comes late or never, so it goes through that loop.
    if _loop is None or _loop.is_closed():
        return  # no socket has been opened, so nobody listens
    asyncio.run_coroutine_threadsafe(layer.group_send(group, message), _loop).add_done_callback(_log_failure)


def _send_aside(layer: Any, group: str, message: dict[str, Any]) -> None:
    """Send from a thread of its own: whoever did the work does not wait for the broker.

    A message that waits to be sent tells of what happens meanwhile too: the same one is not sent twice.
    """
    loop, key = _own_loop(), json.dumps([group, message], sort_keys=True, default=str)
    with _lock:
        if key in _waiting:
            return
        _waiting.add(key)

    async def send() -> None:
        with _lock:
            _waiting.discard(key)  # before it goes: what happens from here on needs another
        await layer.group_send(group, message)

    sent = asyncio.run_coroutine_threadsafe(send(), loop)
    _under_way.add(sent)
    sent.add_done_callback(_under_way.discard)
    sent.add_done_callback(_log_failure)


def _own_loop() -> asyncio.AbstractEventLoop:
    """A loop that lives as long as this process: a layer keeps its connections by loop."""
    global _own
    with _lock:
        if _own is None:
            _own = asyncio.new_event_loop()
            threading.Thread(target=_own.run_forever, name="pushes", daemon=True).start()
        return _own


def _begin_anew() -> None:
    """A child has no thread of its parent's, and sends nothing of what its parent sends."""
    global _own, _lock
    _own, _lock = None, threading.Lock()
    _waiting.clear()
    _under_way.clear()


os.register_at_fork(after_in_child=_begin_anew)


@atexit.register
def _send_the_rest() -> None:
    wait(tuple(_under_way), timeout=LAST_SECONDS)


def _log_failure(sent: Future[None]) -> None:
    if not sent.cancelled() and (error := sent.exception()):
        logger.error("push failed", exc_info=error)
