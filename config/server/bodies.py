"""Bodies are read before a thread is taken.

A WSGI thread that waits for a slow body is a thread that nobody else has: as many idle callers as
threads would stop the whole server. Here the event loop waits instead, with a deadline and a bound.
A long answer asks `scope["caller"]` whether anybody still reads it: a WSGI thread could not know.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

DEADLINE_SECONDS = 15.0
READER_SECONDS = 60.0
"""How long a part of a long answer waits to be read."""
LARGEST_BODY_BYTES = 10 * 1024 * 1024
TOO_SLOW, TOO_LARGE = HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Caller:
    """Whether a caller is still there, asked from the thread that answers.

    From the first question on, a reader who takes nothing for a while counts as gone: what is sent
    then goes nowhere, and the connection is closed at the end.
    """

    def __init__(self, receive: Receive, send: Send):
        self._receive = receive
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._watch: Future[None] | None = None
        self._is_stuck = False

    def is_gone(self) -> bool:
        """True once the connection has ended, or its reader has stopped to read."""
        if self._watch is None:
            self._watch = asyncio.run_coroutine_threadsafe(self._until_gone(), self._loop)
        return self._is_stuck or self._watch.done()

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if self._watch is None:
            await self._send(message)
            return
        if self._is_stuck:
            return
        try:
            await asyncio.wait_for(self._send(message), READER_SECONDS)
        except TimeoutError:
            self._is_stuck = True

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


class WholeBodies:
    """Passes a request on once its whole body is there; refuses one that is too slow or too large."""

    def __init__(self, application: Application, *, deadline_seconds: float = DEADLINE_SECONDS):
        self._application = application
        self._deadline_seconds = deadline_seconds

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One HTTP request of an ASGI server."""
        if scope["path"] == "/healthz" and scope["method"] in ("GET", "HEAD"):
            # The process is alive if its event loop is; a busy thread pool must not look like a dead process.
            await _answer(send, 200, "application/json", b'{"status": "ok"}')
            return
        try:
            body = await asyncio.wait_for(_read(receive), self._deadline_seconds)
        except TimeoutError:
            await _refuse(send, TOO_SLOW)
            return
        if body is None:
            return  # the caller has gone
        if len(body) > LARGEST_BODY_BYTES:
            await _refuse(send, TOO_LARGE)
            return
        scope["headers"] = _with_length(scope["headers"], body)
        scope["caller"] = caller = Caller(receive, send)
        await self._application(scope, _replay(body, receive), caller.send)


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or just over the bound of it; None if the caller went away."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if not message.get("more_body") or size > LARGEST_BODY_BYTES:
            return b"".join(parts)


def _with_length(headers: Headers, body: bytes) -> Headers:
    """The headers of a body that is whole. WSGI reads nothing of one that came in chunks, without its length."""
    if not body or any(name == b"content-length" for name, _ in headers):
        return headers
    return [*headers, (b"content-length", str(len(body)).encode())]


def _replay(body: bytes, receive: Receive) -> Receive:
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return first.pop() if first else await receive()

    return replayed


async def _refuse(send: Send, status: HTTPStatus) -> None:
    code, words = {
        TOO_SLOW: ("too_slow", "The body did not arrive in time."),
        TOO_LARGE: ("too_large", f"A body is at most {LARGEST_BODY_BYTES} bytes."),
    }[status]
    problem = {"type": f"urn:commonwatt:problem:{code}", "title": status.phrase, "status": status}
    body = json.dumps({**problem, "detail": words, "code": code})
    await _answer(send, status, "application/problem+json", body.encode(), close=True)


async def _answer(send: Send, status: int, content_type: str, body: bytes, *, close: bool = False) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        *([(b"connection", b"close")] if close else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
