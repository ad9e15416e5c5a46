"""One HTTP request of an ASGI server before the gateway, and how it is answered, logged and measured."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django_prometheus.middleware import Metrics
from ipware import get_client_ip
from prometheus_client import Counter, Histogram

from config.kernel.errors import Conflict, DomainError, InvalidInput, NotAllowed
from sessions_app.api.gateway.answers import dumped
from sessions_app.api.gateway.errors import envelope_of
from sessions_app.services.gateway.ids import new_id

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
BODY_SECONDS = 60.0
"""Longer than at the ordinary doors: bodies may hold images, and nothing but memory waits for them."""
READER_SECONDS = 60.0
"""How long a part of a stream waits to be read, before its reader counts as gone."""
LARGEST_BODY_BYTES = 10 * 1024 * 1024
LOCAL_HOSTS = [".localhost", "127.0.0.1", "[::1]"]
JSON = "application/json"
OWN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
"""Headers of every answer."""
MOST_KEPT = 256
"""Hosts, and kinds of answers, that are remembered: as many as an attacker can send are not."""

logger = structlog.get_logger("django_structlog.middlewares.request")


class CallerGone(Exception):
    """The caller has gone before the request was there."""


@dataclass(slots=True)
class Request:
    """A request: its scope, its headers by small name, and what was answered."""

    scope: Scope
    receive: Receive
    send: Send
    view: str
    headers: Mapping[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)
    status: int | None = None

    def __post_init__(self) -> None:
        found: dict[str, str] = {}
        for raw_name, raw_value in self.scope["headers"]:
            name, value = raw_name.decode("latin1").lower(), raw_value.decode("latin1")
            # One that comes twice is its values in a row (RFC 9110, 5.2), as in the ordinary doors: two keys are none.
            found[name] = f"{found[name]}, {value}" if name in found else value
        self.headers = found

    @property
    def request_id(self) -> str:
        """The caller's id if it is harmless in a log line, else a new one; the same each time."""
        known = self.scope.get("commonwatt_request_id")
        if known is None:
            given = self.headers.get("x-request-id", "")
            known = given if REQUEST_ID.fullmatch(given) else new_id().hex
            self.scope["commonwatt_request_id"] = known
        return str(known)

    def check_origin(self) -> None:
        """The rules of the ordinary doors. Raises InvalidInput for a wrong host, NotAllowed without TLS."""
        hosts = settings.ALLOWED_HOSTS or (LOCAL_HOSTS if settings.DEBUG else [])
        given = self.headers.get("x-forwarded-host", "") if settings.USE_X_FORWARDED_HOST else ""
        if not _is_served(given or self.headers.get("host", ""), tuple(hosts)):
            raise InvalidInput("This deployment is not served under this host.", field="Host", code="wrong_host")
        if settings.SECURE_SSL_REDIRECT and not self._is_secure():
            raise NotAllowed("Use https: a key is not for open wires.", code="https_needed")

    def _is_secure(self) -> bool:
        if settings.SECURE_PROXY_SSL_HEADER:
            name, secure = settings.SECURE_PROXY_SSL_HEADER
            given = self.headers.get(name.removeprefix("HTTP_").replace("_", "-").lower())
            if given is not None:
                return given.split(",")[0].strip() == secure
        return bool(self.scope["scheme"] == "https")

    async def body(self) -> bytes:
        """All of the body. Raises CallerGone, Conflict with code `too_slow`, InvalidInput with `too_large`."""
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await self.receive()
                    if message["type"] == "http.disconnect":
                        raise CallerGone
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > LARGEST_BODY_BYTES:
                        raise InvalidInput(f"A body is at most {LARGEST_BODY_BYTES} bytes.", code="too_large")
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            raise Conflict("The body did not arrive in time.", code="too_slow") from None

    async def refuse(self, error: DomainError) -> None:
        """Answer with OpenAI's envelope."""
        status, headers, body = envelope_of(error)
        if error.code in ("too_slow", "too_large"):
            headers = {**headers, "Connection": "close"}
        await self.answer(status, dumped(body), headers)

    async def answer(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        """Answer with a whole body."""
        await self.start(status, {**headers, "Content-Length": str(len(content))}, content_type=JSON)
        await self.send({"type": "http.response.body", "body": content})

    async def start(self, status: int, headers: Mapping[str, str], *, content_type: str) -> None:
        """Send the head of an answer."""
        own = {**OWN, "Content-Type": content_type, "X-Request-Id": self.request_id, **headers}
        if settings.SECURE_HSTS_SECONDS and self._is_secure():
            own["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
        named = [(name.lower().encode(), value.encode("latin1", "replace")) for name, value in own.items()]
        self.status = status
        await self.send({"type": "http.response.start", "status": status, "headers": named})

    async def part(self, content: bytes) -> None:
        """Send a part of the body. Raises TimeoutError where nobody reads it."""
        async with asyncio.timeout(READER_SECONDS):
            await self.send({"type": "http.response.body", "body": content, "more_body": True})

    async def finish(self) -> None:
        """End a body that was sent in parts."""
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    def note(self) -> None:
        """Log the request and show it on /metrics, as the ordinary doors do."""
        if self.status is None:
            return  # nobody was there to answer to
        seconds = time.perf_counter() - self.began
        self._measure(seconds)
        logger.info(
            "request_finished",
            code=self.status,
            ip=self._address(),
            request=f"{self.scope['method']} {self.scope['path']}",
            request_id=self.request_id,
            user_id=None,
        )

    def _address(self) -> str | None:
        host: str | None = (self.scope.get("client") or (None, None))[0]
        if (forwarded := self.headers.get("x-forwarded-for")) is None:
            return host
        request = HttpRequest()
        request.META = {"REMOTE_ADDR": host or "", "HTTP_X_FORWARDED_FOR": forwarded}
        found: tuple[str | None, bool] = get_client_ip(request)
        return found[0]

    def _measure(self, seconds: float) -> None:
        counters, clocks = _measures(self.view, self.scope["method"], str(self.status))
        for counter in counters:
            counter.inc()
        for clock in clocks:
            clock.observe(seconds)


@lru_cache(maxsize=MOST_KEPT)
def _is_served(host: str, hosts: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, hosts)


@lru_cache(maxsize=MOST_KEPT)
def _measures(view: str, method: str, status: str) -> tuple[Sequence[Counter], Sequence[Histogram]]:
    """What counts an answer, and what its seconds are shown by."""
    metrics = Metrics.get_instance()
    labels = {"view": view, "method": method}
    counters = (
        metrics.requests_total,
        metrics.responses_total,
        metrics.responses_by_status.labels(status=status),
        metrics.responses_by_status_view_method.labels(status=status, **labels),
    )
    return counters, (metrics.requests_latency_before, metrics.requests_latency_by_view_method.labels(**labels))
