"""Callers of a chat completion, cheap enough not to count: one line of JSON comes out.

    _gateway_load.py '{"url": ..., "headers": {...}, "body": {...}, "clients": 16, "seconds": 5, "warm_up_seconds": 1}'
    _gateway_load.py '{"url": ..., "headers": {...}, "body": {...}, "burst": 200}'

Each client asks again as soon as it has its answer, on one connection that stays open. A burst opens all its
connections first and then asks once on each of them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PATIENCE_S = 120.0


@dataclass(slots=True)
class Heard:
    """What came back: statuses, and the milliseconds of answers with 200 that were asked for after the warm-up."""

    statuses: Counter[str] = field(default_factory=Counter)
    taken_ms: list[float] = field(default_factory=list)
    first: dict[str, str] = field(default_factory=dict)


def request_bytes(given: dict[str, Any]) -> bytes:
    """The same request for everybody."""
    parts, body = urlsplit(given["url"]), json.dumps(given["body"]).encode()
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **given["headers"],
    }
    lines = [f"POST {parts.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection of its own."""
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[str, bytes]:
    """Ask and read the whole answer; the status and the body."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = head[9:12].decode()
    if b"content-length:" in head:
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return status, await reader.readexactly(length)
    body = b""
    while length := int((await reader.readline()).split(b";")[0], 16):
        body += (await reader.readexactly(length + 2))[:-2]
    await reader.readline()
    return status, body


async def client(given: dict[str, Any], request: bytes, begins: float, ends: float, heard: Heard) -> None:
    """Ask until the time is over."""
    reader, writer = await connect(given["url"])
    while (now := time.perf_counter()) < ends:
        status, body = await asyncio.wait_for(exchange(reader, writer, request), PATIENCE_S)
        taken_ms = (time.perf_counter() - now) * 1000
        if now < begins:
            continue
        heard.statuses[status] += 1
        heard.first.setdefault(status, body[:300].decode(errors="replace"))
        if status == "200":
            heard.taken_ms.append(taken_ms)
    writer.close()


async def closed_loop(given: dict[str, Any]) -> dict[str, Any]:
    """Clients for some seconds: rate and percentiles."""
    heard, request = Heard(), request_bytes(given)
    begins = time.perf_counter() + given["warm_up_seconds"]
    ends = begins + given["seconds"]
    tasks = [asyncio.create_task(client(given, request, begins, ends, heard)) for _ in range(given["clients"])]
    await asyncio.sleep(given["warm_up_seconds"])
    sys.stdout.write("begin\n")  # whoever started this reads processor times now and at the end
    sys.stdout.flush()
    await asyncio.gather(*tasks)
    taken = sorted(heard.taken_ms) or [float("nan")]
    percentiles = {f"p{each}": taken[min(len(taken) - 1, len(taken) * each // 100)] for each in (50, 95, 99)}
    answered = heard.statuses["200"]
    return {**told(heard), "rate": answered / (time.perf_counter() - begins), "answered": answered, **percentiles}


async def burst(given: dict[str, Any]) -> dict[str, Any]:
    """All at once, each once."""
    heard, request = Heard(), request_bytes(given)
    urls = given.get("urls") or [given["url"]]
    connections = [await connect(urls[number % len(urls)]) for number in range(given["burst"])]

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            status, body = await asyncio.wait_for(exchange(reader, writer, request), PATIENCE_S)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError) as problem:
            status, body = type(problem).__name__, b""
        heard.statuses[status] += 1
        heard.first.setdefault(status, body[:300].decode(errors="replace"))
        writer.close()

    await asyncio.gather(*(once(*each) for each in connections))
    return told(heard)


def told(heard: Heard) -> dict[str, Any]:
    """Statuses and the first answer of each."""
    return {"statuses": dict(heard.statuses), "first": heard.first}


def main() -> None:
    """Ask and print."""
    given = json.loads(sys.argv[1])
    print(json.dumps(asyncio.run(burst(given) if "burst" in given else closed_loop(given))))


if __name__ == "__main__":
    main()
