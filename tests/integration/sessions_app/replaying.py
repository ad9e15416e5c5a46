"""A server on loopback that answers with given bytes, in given pieces, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessions_app.connectors.guarding import Rules
from sessions_app.connectors.http import close_sessions
from sessions_app.domain.gateway.wire import ChatAsk, Target

ANSWERS = Path(__file__).parent / "answers"
LOCAL = Rules(must_be_https=True, private_hosts=frozenset({"127.0.0.1"}))


@dataclass
class Replay:
    """The server's address, and what came to it: `gone` once its caller closed before the end."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def target(self, **more: Any) -> Target:
        """Where this server is."""
        known = {"deployment_id": 1, "provider": "any", "base_url": self.url, "model": "m-1", "secret": "s3cret"}
        bounds = {"first_byte_seconds": 5.0, "idle_seconds": 5.0, "total_seconds": 10.0}
        return Target(**{**known, **bounds, **more})


def recorded(name: str) -> bytes:
    """An answer of a provider."""
    return (ANSWERS / name).read_bytes()


@contextlib.asynccontextmanager
async def replay(
    body: bytes | Sequence[bytes],
    *,
    status: int = 200,
    kind: str = "",
    headers: str = "",
    stays: bool = False,
    waits_seconds: float = 0.0,
    ends_after_seconds: float = 0.0,
    tls: Any = None,
) -> AsyncIterator[Replay]:
    """Serve a body, cut into pieces where it is a list; `stays`: nothing more comes, and no end. The head comes after
    `waits_seconds`, the end `ends_after_seconds` behind the last piece."""
    pieces = [body] if isinstance(body, bytes) else list(body)
    kind = kind or ("application/json" if b"".join(pieces[:2]).lstrip()[:1] in b"{[" else "text/event-stream")
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n{headers}\r\n"
    seen = Replay()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                await _read(reader, seen)
                await asyncio.sleep(waits_seconds)
                writer.write(head.encode())
                for piece in pieces:
                    writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                    await writer.drain()
                    if len(pieces) > 1:
                        await asyncio.sleep(0)
                if stays:
                    await reader.read()
                    seen.gone.set()
                    break
                await asyncio.sleep(ends_after_seconds)
                writer.write(b"0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    seen.url = f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()
        await close_sessions()


async def _read(reader: asyncio.StreamReader, seen: Replay) -> None:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
    seen.paths.append(lines[0].split(" ")[1])
    seen.headers.append(headers)
    seen.bodies.append(json.loads(await reader.readexactly(int(headers["content-length"]))))


def ask_of(*messages: dict[str, Any] | str, **options: Any) -> ChatAsk:
    """A chat; a string is what the user says."""
    said = [{"role": "user", "content": each} if isinstance(each, str) else each for each in messages or ("Hi",)]
    return ChatAsk(model="any", messages=said, options=options)


def told(pieces: Sequence[Any]) -> dict[str, Any]:
    """What a client makes of a stream: text, calls, reason and usage of the first choice."""
    deltas = [choice["delta"] for piece in pieces for choice in piece.choices if choice["index"] == 0]
    calls: dict[int, list[str]] = {}
    for part in (part for delta in deltas for part in delta.get("tool_calls") or ()):
        call = calls.setdefault(part["index"], ["", "", ""])
        call[0] += part.get("id", "")
        call[1] += part["function"].get("name", "")
        call[2] += part["function"].get("arguments", "")
    finishes = [each["finish_reason"] for piece in pieces for each in piece.choices if each["finish_reason"]]
    return {
        "text": "".join(delta.get("content") or "" for delta in deltas),
        "calls": [tuple(call) for _index, call in sorted(calls.items())],
        "finishes": finishes,
        "usage": next((piece.usage for piece in reversed(pieces) if piece.usage), None),
    }
