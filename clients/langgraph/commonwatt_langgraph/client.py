"""Requests to Commonwatt, and what becomes of its answers; once for callers that wait and once for those that await."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

MOST_TRIES = 4
LONGEST_REST_SECONDS = 10.0
BUSY = frozenset({429, 503})


class CommonwattError(Exception):
    """Commonwatt refused. `status` is that of HTTP, `problem` its problem document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]):
        super().__init__(f"{status}: {problem.get('detail') or problem.get('title') or 'no reason given'}")
        self.status = status
        self.problem = problem

    @property
    def code(self) -> str:
        """What programs know the refusal by."""
        return str(self.problem.get("code", ""))


class StaleParent(CommonwattError):
    """Somebody else has stored a checkpoint since the one that this one follows. Nothing was stored."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. Each may be sent twice: the second changes nothing."""

    method: str
    path: str
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    may_be_missing: bool = False
    """Whether the answer is None where there is no such thread or checkpoint."""


def thread_path(thread_id: str, *parts: str) -> str:
    """The path of a thread or of something in it; the name of a thread may hold any character."""
    segments = [quote(quote(str(thread_id), safe=""), safe=""), *(quote(part, safe="") for part in parts)]
    return "/api/v1/threads/" + "/".join(segments) + "/"


class Client:
    """Sends calls with the key of a team. `connection` and `async_connection` are opened when first needed."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_seconds: float,
        transport: httpx.BaseTransport | None,
        async_transport: httpx.AsyncBaseTransport | None,
    ):
        self._values: dict[str, Any] = {
            "base_url": base_url,
            "headers": {"Authorization": f"Bearer {api_key}", "Accept": "application/json"},
            "timeout": timeout_seconds,
        }
        self._transport, self._async_transport = transport, async_transport
        self._connection: httpx.Client | None = None
        self._async_connections: dict[asyncio.AbstractEventLoop, httpx.AsyncClient] = {}

    def send(self, call: Call) -> Any:
        """The answer's JSON. Raises CommonwattError, httpx.HTTPError."""
        if self._connection is None:
            self._connection = httpx.Client(**self._values, transport=self._transport)
        for rest in _rests():
            try:
                response = self._connection.request(call.method, call.path, json=call.body, params=dict(call.query))
            except httpx.TransportError:
                if rest is None:
                    raise
                time.sleep(rest)
                continue
            if response.status_code not in BUSY or rest is None:
                return _answer(call, response)
            time.sleep(_asked_rest(response, rest))
        raise AssertionError("The last try returns or raises.")

    async def asend(self, call: Call) -> Any:
        """The same for callers that await."""
        connection = self._async_connection()
        for rest in _rests():
            try:
                response = await connection.request(call.method, call.path, json=call.body, params=dict(call.query))
            except httpx.TransportError:
                if rest is None:
                    raise
                await asyncio.sleep(rest)
                continue
            if response.status_code not in BUSY or rest is None:
                return _answer(call, response)
            await asyncio.sleep(_asked_rest(response, rest))
        raise AssertionError("The last try returns or raises.")

    def _async_connection(self) -> httpx.AsyncClient:
        """Connections belong to the loop that opened them."""
        loop = asyncio.get_running_loop()
        if loop not in self._async_connections:
            self._async_connections = {
                each: known for each, known in self._async_connections.items() if not each.is_closed()
            }
            self._async_connections[loop] = httpx.AsyncClient(**self._values, transport=self._async_transport)
        return self._async_connections[loop]

    def close(self) -> None:
        """Close what callers that wait used."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def aclose(self) -> None:
        """Close what callers of this loop, and callers that wait, used."""
        self.close()
        if (connection := self._async_connections.pop(asyncio.get_running_loop(), None)) is not None:
            await connection.aclose()


def _rests() -> Iterator[float | None]:
    """Seconds to rest after each try; None after the last."""
    yield from (0.1 * 2**tries for tries in range(MOST_TRIES - 1))
    yield None


def _asked_rest(response: httpx.Response, rest: float) -> float:
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_REST_SECONDS) if asked.isdecimal() else rest


def _answer(call: Call, response: httpx.Response) -> Any:
    if response.is_success:
        return response.json()
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    known: Mapping[str, Any] = problem if isinstance(problem, dict) else {}
    if call.may_be_missing and response.status_code == httpx.codes.NOT_FOUND and _is_told(known):
        return None
    error = StaleParent if known.get("code") == "stale_parent" else CommonwattError
    raise error(response.status_code, known)


def _is_told(problem: Mapping[str, Any]) -> bool:
    """Whether Commonwatt misses a thread or a checkpoint, and not somebody else a page."""
    return any(error.get("field") in ("thread_id", "checkpoint_id") for error in problem.get("errors", ()))
