"""Calls of providers over HTTP: one session for each event loop, bounds on time and size, faults by one name each.

No redirect is followed, no proxy and no .netrc used, no cookie kept, and nothing of a secret is in what is raised.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import ssl
from collections.abc import AsyncGenerator, Mapping
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp

from sessions_app.connectors.faults import fault_of, parsed_json
from sessions_app.connectors.guarding import Forbidden, GuardedResolver, Rules, blocked, checked_url
from sessions_app.domain.gateway.sse import EventParser, ServerEvent, TooLong
from sessions_app.domain.gateway.wire import Fault, Target, UpstreamError

USER_AGENT = "commonwatt/0.1 (gateway)"
MOST_ANSWER_BYTES = 32_000_000
MOST_STREAM_BYTES = 64_000_000
MOST_ERROR_BYTES = 64_000
MOST_CONNECTIONS = 4000  # of one event loop; who finds none free waits within its bound for connecting
MOST_CONNECTIONS_OF_A_HOST = 1000  # a provider that hangs must not take those of the others
LARGE_BODY_BYTES = 2**20  # larger ones are sent in parts, between which the event loop does other work
KEEP_ALIVE_SECONDS = 15.0
LAST_BYTES_SECONDS = 0.1
FAULTS = (TimeoutError, aiohttp.ClientError, OSError, ValueError)
"""What aiohttp raises of a provider that does not answer as it should."""

_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Rules, aiohttp.ClientSession]] = WeakKeyDictionary()


async def post_json(target: Target, url: str, body: Mapping[str, Any], headers: Mapping[str, str], rules: Rules) -> Any:
    """What a provider answers, read from JSON. Raises UpstreamError.

    A model that writes a whole answer says nothing until it is done: the first byte may take the whole attempt.
    """
    clock = _Clock(target, first_byte_seconds=target.total_seconds)
    answer = await _answered(clock, url, body, headers, rules)
    try:
        chunks, size = [], 0
        while chunk := await _next(answer, clock):
            size += len(chunk)
            if size > MOST_ANSWER_BYTES:
                raise UpstreamError(Fault.MALFORMED, "The provider's answer is too long.")
            chunks.append(chunk)
    finally:
        answer.release()  # a connection with bytes that nobody read is closed, another one kept
    return await parsed_json(b"".join(chunks))


async def post_events(
    target: Target, url: str, body: Mapping[str, Any], headers: Mapping[str, str], rules: Rules
) -> AsyncGenerator[ServerEvent, None]:
    """Events of a streamed answer until it ends; whoever has seen the last one stops asking. Raises UpstreamError."""
    clock = _Clock(target, first_byte_seconds=target.first_byte_seconds)
    parser = EventParser()
    size = 0
    answer = await _answered(clock, url, body, headers, rules)
    try:
        if answer.content_type != "text/event-stream":
            raise UpstreamError(Fault.MALFORMED, "The provider answered with something that is no stream of events.")
        while chunk := await _next(answer, clock):
            size += len(chunk)
            if size > MOST_STREAM_BYTES:
                raise UpstreamError(Fault.MALFORMED, "The provider's stream is too long.")
            try:
                for event in parser.feed(chunk):
                    yield event
            except TooLong:
                raise UpstreamError(Fault.MALFORMED, "An event of the provider's stream is too long.") from None
    except GeneratorExit:
        await _read_to_its_end(answer)
        raise
    finally:
        answer.release()


async def close_sessions() -> None:
    """Close the connections of the running event loop."""
    for session in _sessions.pop(asyncio.get_running_loop(), {}).values():
        await session.close()


class _Clock:
    """The bounds of one attempt."""

    def __init__(self, target: Target, *, first_byte_seconds: float):
        self._target = target
        self._first_byte_seconds = first_byte_seconds
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._is_silent = True
        self.connect_seconds = target.connect_seconds
        self.secret = target.secret

    def next(self) -> asyncio.Timeout:
        """The time until the next bytes: the first ones, or any after those; never past the whole attempt."""
        now = self._loop.time()
        total_ends = self._began + self._target.total_seconds
        if self._is_silent:
            return asyncio.timeout_at(min(self._began + self._first_byte_seconds, total_ends))
        return asyncio.timeout_at(min(now + self._target.idle_seconds, total_ends))

    def heard(self) -> None:
        """The first bytes are there."""
        self._is_silent = False


async def _answered(
    clock: _Clock, url: str, body: Mapping[str, Any], headers: Mapping[str, str], rules: Rules
) -> aiohttp.ClientResponse:
    """An answer with a good status, whose body is to be read; whoever takes it releases it."""
    address = checked_url(url, rules)
    own = {"Content-Type": "application/json", "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    content = _written(body)
    try:
        async with clock.next():
            answer = await _session(rules).post(
                address,
                data=content if len(content) < LARGE_BODY_BYTES else io.BytesIO(content),
                headers={**own, **headers},
                allow_redirects=False,
                timeout=_connecting_within(clock.connect_seconds),
            )
    except FAULTS as error:
        raise _named(error) from None
    if answer.status == 200:
        return answer
    try:
        raise await _fault_of(answer, clock)
    finally:
        answer.release()


@lru_cache(maxsize=64)
def _connecting_within(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=seconds)


def _written(body: Mapping[str, Any]) -> bytes:
    try:
        return _COMPACT.encode(body).encode()
    except (ValueError, RecursionError):  # a fault of the call, which must not count against the deployment
        words = "The call holds what JSON cannot: a number, a depth, or half of a character."
        raise UpstreamError(Fault.BAD_REQUEST, words, status=400) from None


async def _next(answer: aiohttp.ClientResponse, clock: _Clock) -> bytes:
    """The next bytes of a body, at once where they are here; empty at its end."""
    content = answer.content
    try:
        chunk = content.read_nowait()
        if not chunk and not content.at_eof():
            async with clock.next():
                chunk = await content.readany()
    except FAULTS as error:
        raise _named(error) from None
    clock.heard()
    return chunk


async def _fault_of(answer: aiohttp.ClientResponse, clock: _Clock) -> UpstreamError:
    said = b""
    while len(said) <= MOST_ERROR_BYTES and (chunk := await _next(answer, clock)):
        said += chunk
    return fault_of(answer.status, answer.headers, said, secret=clock.secret)


async def _read_to_its_end(answer: aiohttp.ClientResponse) -> None:
    """The last bytes of a stream come with its last event, or nearly so: with them its connection can be kept."""
    if answer.content.at_eof():
        return
    with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(LAST_BYTES_SECONDS):
            await answer.content.readany()


def _session(rules: Rules) -> aiohttp.ClientSession:
    own = _sessions.setdefault(asyncio.get_running_loop(), {})
    session = own.get(rules)
    if session is None or session.closed:
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(rules),
            use_dns_cache=False,  # what was checked is connected to; an answer of yesterday is not
            limit=MOST_CONNECTIONS,
            limit_per_host=MOST_CONNECTIONS_OF_A_HOST,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
        )
        session = own[rules] = aiohttp.ClientSession(
            connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )
    return session


def _named(error: BaseException) -> UpstreamError:
    """Whatever can go wrong on the way, by our names. The causes are left out: their words hold the address."""
    if isinstance(error, TimeoutError):  # aiohttp's are of this kind, too
        return UpstreamError(Fault.TIMEOUT, "The provider did not answer in time.")
    if isinstance(error, aiohttp.ClientPayloadError):
        return UpstreamError(Fault.CUT, "The provider's answer ended before its end.")
    if isinstance(getattr(error, "os_error", None), Forbidden):
        return blocked()
    return _unreached(error)


def _unreached(error: BaseException) -> UpstreamError:
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return UpstreamError(Fault.UNAVAILABLE, "The provider's certificate is not good.")
    if isinstance(error, (aiohttp.ClientResponseError, aiohttp.http.HttpProcessingError)):
        return UpstreamError(Fault.MALFORMED, "The provider's answer is no HTTP.")
    if isinstance(error, ValueError):
        return UpstreamError(Fault.REFUSED, "The deployment's secret or address has characters that no call can hold.")
    return UpstreamError(Fault.UNAVAILABLE, "The provider cannot be reached, or closed the connection.")
