"""A provider of models on loopback that answers at once, or as badly as it is told to.

    with Upstream() as upstream:                      # in a thread of this process
        upstream.url("a")                             # base URL of a lane: OpenAI, Anthropic and Gemini alike
        upstream.behave("a", status=429, retry_after_seconds=2)     # from now on, on that lane
        upstream.script("a", {"hang": True}, {})      # the next two requests of that lane, then as before
        upstream.seen("a").answered

    python -m tests.servers.upstream --port 0         # a process of its own; prints its URL

A single request may ask for its own fault: its last message begins with the JSON object of a `Behaviour`.
Over HTTP: POST /_behave/LANE with one such object, GET /_seen/LANE.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import re
import subprocess
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.servers import _upstream_answers as answers

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT_BODIES = 1000
DEFAULT_LANE = "main"
REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a request is answered. Seconds are waited; `cut_after_bytes` and `hang_after_bytes` count the body."""

    delay_seconds: float = 0.0
    status: int = 200
    retry_after_seconds: float | None = None
    location: str = ""
    words: int | None = None
    usage: Any = "right"  # right, none, wrong (ten times), or {"input": .., "output": .., "cached": ..}
    is_malformed: bool = False
    hang: bool = False
    hang_after_bytes: int | None = None
    cut_after_bytes: int | None = None
    is_reset: bool = False  # a cut is a reset of the connection instead of its end
    piece_bytes: int | None = None  # the body is sent in pieces of this length
    drip_seconds: float = 0.0  # between pieces, or between events
    huge_bytes: int = 0  # an answer of at least that length


@dataclass(slots=True)
class Seen:
    """What came to a lane. `left` counts callers that went away before the end."""

    requests: int = 0
    answered: int = 0
    left: int = 0
    now: int = 0
    most_at_once: int = 0
    tokens_out: int = 0
    bodies: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_BODIES))
    headers: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=KEPT_BODIES))


class Cut(Exception):
    """The connection ends here, as it was told to."""


class Upstream:
    """The server, in a thread of this process."""

    def __init__(self, port: int = 0):
        self.port = port
        self._seen: dict[str, Seen] = defaultdict(Seen)
        self._behaviours: dict[str, Behaviour] = defaultdict(Behaviour)
        self._scripts: dict[str, deque[Behaviour]] = defaultdict(deque)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_up = threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True)
        self._thread.start()
        self._is_up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    def url(self, lane: str = DEFAULT_LANE) -> str:
        """The base URL of a lane, without a version: callers add `/v1/...` themselves, or ask for it here."""
        return f"http://127.0.0.1:{self.port}/{lane}"

    def behave(self, lane: str = DEFAULT_LANE, **how: Any) -> None:
        """How a lane answers from now on."""
        self._behaviours[lane] = Behaviour(**how)

    def script(self, lane: str, *hows: Mapping[str, Any]) -> None:
        """How the next requests of a lane are answered, one after the other."""
        self._scripts[lane].extend(Behaviour(**how) for how in hows)

    def seen(self, lane: str = DEFAULT_LANE) -> Seen:
        """What came to a lane so far."""
        return self._seen[lane]

    async def run(self) -> None:
        """Answer until told to end."""
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, limit=2**26, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        self._is_up.set()
        await self._end.wait()
        server.close()
        for task in self._tasks:
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, Cut):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        _method, target, _version = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
        body = await _read_body(reader, headers)
        path, _, query = target.partition("?")
        if path.startswith("/_"):
            await _send(writer, 200, json.dumps(self._control(path, body)).encode())
            return True
        found = answers.PATHS.match(path)
        if found is None:
            await _send(writer, 404, b'{"error":{"message":"no such path"}}')
            return True
        if found["models"]:
            await _send(writer, 200, b'{"object":"list","data":[{"id":"instant","object":"model"}]}')
            return True
        await self._answer(found["lane"].strip("/") or DEFAULT_LANE, found, query, headers, body, reader, writer)
        return headers.get("connection", "").lower() != "close"

    def _control(self, path: str, body: bytes) -> dict[str, Any]:
        what, _, lane = path.strip("/").partition("/")
        if what == "_behave":
            self.behave(lane, **json.loads(body or b"{}"))
        told = dataclasses.asdict(self._seen[lane or DEFAULT_LANE])
        return {name: value for name, value in told.items() if isinstance(value, int)}

    async def _answer(
        self,
        lane: str,
        found: re.Match[str],
        query: str,
        headers: dict[str, str],
        raw: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        seen, body = self._seen[lane], json.loads(raw)
        seen.requests += 1
        seen.bodies.append(body)
        seen.headers.append(headers)
        seen.now += 1
        seen.most_at_once = max(seen.most_at_once, seen.now)
        try:
            asked = answers.read_ask(found, body, query)
            how = _own_fault(asked.text) or self._next(lane)
            told = answers.answer_to(asked, words=how.words, usage=how.usage)
            await _act(told, how, reader, writer)
            if how.status == 200 and not how.is_malformed:
                seen.answered += 1
                seen.tokens_out += len(told.words)
        except ConnectionError:
            seen.left += 1
            raise
        finally:
            seen.now -= 1

    def _next(self, lane: str) -> Behaviour:
        script = self._scripts[lane]
        return script.popleft() if script else self._behaviours[lane]


def _own_fault(text: str) -> Behaviour | None:
    if not text.startswith("{"):
        return None
    with contextlib.suppress(ValueError, TypeError):
        return Behaviour(**json.JSONDecoder().raw_decode(text)[0])
    return None


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while length := int((await reader.readline()).split(b";")[0], 16):
        body += (await reader.readexactly(length + 2))[:-2]
    await reader.readline()
    return body


async def _act(told: answers.Told, how: Behaviour, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if how.delay_seconds:
        await _wait(how.delay_seconds, reader)
    if how.hang:
        await _wait(3600, reader)
    if how.status != 200:
        more = {"Retry-After": f"{how.retry_after_seconds:g}"} if how.retry_after_seconds is not None else {}
        more |= {"Location": how.location} if how.location else {}
        words = {"error": {"message": f"told to answer {how.status}", "type": "fault", "code": how.status}}
        await _send(writer, how.status, json.dumps(words).encode(), more)
    elif told.asked.is_stream:
        await _stream(told, how, reader, writer)
    else:
        body = b'{"choices": [{"mess' if how.is_malformed else answers.as_body(told)
        body = body + b" " * max(0, how.huge_bytes - len(body))
        head = _head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        await _write(writer, how, reader, head, [body], is_chunked=False)


async def _stream(
    told: answers.Told, how: Behaviour, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    events = list(answers.as_events(told))
    if how.is_malformed:
        events.insert(len(events) // 2, b'data: {"choices": [{"del\n\n')
    if how.huge_bytes:
        events.insert(1, b": " + b"x" * how.huge_bytes + b"\n\n")
    head = _head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
    await _write(writer, how, reader, head, events, is_chunked=True)


async def _write(
    writer: asyncio.StreamWriter,
    how: Behaviour,
    reader: asyncio.StreamReader,
    head: bytes,
    parts: list[bytes],
    *,
    is_chunked: bool,
) -> None:
    """Send a body whole, in pieces, slowly, or only to the byte where it is cut."""
    stop = how.cut_after_bytes if how.cut_after_bytes is not None else how.hang_after_bytes
    pieces = parts if stop is None else [b"".join(parts)[:stop]]
    if how.piece_bytes:
        whole = b"".join(pieces)
        pieces = [whole[at : at + how.piece_bytes] for at in range(0, len(whole), how.piece_bytes)]
    framed = [b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece for piece in pieces if piece]
    if not how.drip_seconds and not how.piece_bytes:
        framed = [b"".join(framed)]
    writer.write(head)
    for number, piece in enumerate(framed):
        if number and (how.drip_seconds or how.piece_bytes):
            await _wait(how.drip_seconds, reader)
        writer.write(piece)
        await writer.drain()
    if how.hang_after_bytes is not None:
        await _wait(3600, reader)
    if how.cut_after_bytes is not None:
        if how.is_reset:
            writer.transport.abort()
        raise Cut
    if is_chunked:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _wait(seconds: float, reader: asyncio.StreamReader) -> None:
    """Wait, but not for a caller that has gone: that raises ConnectionResetError."""
    until = asyncio.get_running_loop().time() + seconds
    while (left := until - asyncio.get_running_loop().time()) > 0:
        if reader.at_eof():
            raise ConnectionResetError
        await asyncio.sleep(min(left, 0.02))


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Told')}", *(f"{name}: {is_}" for name, is_ in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes, more: Mapping[str, str] | None = None) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(more or {})}
    writer.write(_head(status, headers) + body)
    await writer.drain()


@contextlib.contextmanager
def upstream_process() -> Iterator[tuple[str, int]]:
    """The server as a process of its own: its URL without a lane, and its process id."""
    command = [sys.executable, "-m", "tests.servers.upstream"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Serve until stopped; the URL is printed first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    with Upstream(parser.parse_args().port) as upstream:
        print(f"http://127.0.0.1:{upstream.port}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
