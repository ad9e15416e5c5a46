"""From the thread that did the work to the sockets that show it.

A push tells viewers that something changed, never what: each socket reads for itself what its
viewer may see. A push that fails is logged and never hurts the work; the next snapshot heals it.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

DASHBOARD_GROUP = "dashboard"
_loop: asyncio.AbstractEventLoop | None = None


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
        async_to_sync(layer.group_send)(group, message)
        return
    # The queues of the in-memory layer belong to the loop that the sockets wait on. From another
    # thread's loop a message comes late or never, so it goes through that loop.
    if _loop is None or _loop.is_closed():
        return  # no socket has been opened, so nobody listens
    asyncio.run_coroutine_threadsafe(layer.group_send(group, message), _loop).add_done_callback(_log_failure)


def _log_failure(sent: Future[None]) -> None:
    if not sent.cancelled() and (error := sent.exception()):
        logger.error("push failed", exc_info=error)
