"""The plain good case of `reserve/` without a thread, a view or a query for each request.

Whatever is not plain (a key not seen within the last second, a body that is not quite as expected, a
refusal, a rate that is used up) goes to the ordinary door, which answers all of it. So both doors
say the same: this one knows the answer 201, and 503 for an ask whose fate it does not know. The headers
of both are those of the ordinary door.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from django.http import HttpRequest
from django_prometheus.middleware import Metrics
from ipware import get_client_ip

from accounts.services.idempotency import Answer
from budgets.api.hot import headers_of, reserved
from budgets.api.plain import Plain, is_plain, plain_of
from budgets.domain.admission import Admitted
from budgets.services.holds.batching import Alone
from budgets.services.holds.collecting import Collector
from budgets.services.holds.commits import Outcome, hold_of
from budgets.services.holds.meter import METER
from config.kernel.errors import Unavailable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PATH = re.compile(r"/api/v1/budgets/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/reserve/")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
PROBLEM = b"application/problem+json"
OWN_HEADERS = {b"content-length", b"x-request-id", b"x-budget-warning", b"idempotent-replayed"}
MOST_ORIGINS = 100
VIEW = "budget-reserve"

logger = structlog.get_logger("django_structlog.middlewares.request")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request: its scope and headers, and when it came (seconds of the monotonic clock)."""

    scope: Scope
    headers: dict[bytes, bytes]
    began: float

    def origin(self) -> tuple[bytes, ...]:
        """What decides whether the ordinary door lets it in at all: host, scheme, proxy."""
        names = (b"host", b"x-forwarded-proto", b"x-forwarded-host")
        return (self.scope["scheme"].encode(), *(self.headers.get(name, b"") for name in names))

    def request_id(self) -> str:
        """The caller's id if it is harmless in a log line, else a new one."""
        given = self.headers.get(b"x-request-id", b"").decode("latin1")
        return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

    def address(self) -> str | None:
        """Where it comes from, by the rule of the ordinary door's log."""
        host: str | None = (self.scope.get("client") or (None, None))[0]
        if (forwarded := self.headers.get(b"x-forwarded-for")) is None:
            return host
        request = HttpRequest()
        request.META = {"REMOTE_ADDR": host or "", "HTTP_X_FORWARDED_FOR": forwarded.decode("latin1")}
        found: tuple[str | None, bool] = get_client_ip(request)
        return found[0]


class QuickReserve:
    """Answers plain reservations itself, in batches; passes everything else on.

    `may_pass(actor, count)` counts requests of a caller and says whether they are within the rate;
    `take_back(actor, count)` uncounts those that are passed on after all.
    """

    def __init__(
        self,
        application: Application,
        *,
        may_pass: Callable[[str, int], bool],
        take_back: Callable[[str, int], None],
    ):
        self._application = application
        self._collector = Collector(may_pass, take_back=take_back)
        self._answers: dict[tuple[bytes, ...], Headers] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request of an ASGI server."""
        match = PATH.fullmatch(scope["path"]) if scope["method"] == "POST" else None
        if match is None:
            await self._application(scope, receive, send)
            return
        asked = _Asked(scope=scope, headers=dict(scope["headers"]), began=time.perf_counter())
        origin = asked.origin()
        first = await receive()
        known = self._answers.get(origin)
        is_whole = first["type"] == "http.request" and not first.get("more_body")
        plain = plain_of(match[1], scope, asked.headers, first.get("body", b"")) if known and is_whole else None
        if known is None or plain is None or not await _answered(asked, await self._decided(plain), known, send):
            send = self._learning(origin, send, is_plain=is_plain(scope, asked.headers))
            await self._application(scope, _replay(first, receive), send)

    async def _decided(self, plain: Plain) -> Outcome:
        """What became of an ask; of one that is admitted, the answer."""
        ask = plain.shared.ask
        with METER.measured(ask.budget_id) as way:
            if way.line is None:
                return Alone()
            outcome = await self._collector.ask(way.line, plain.shared, way=way, who=plain.who)
        if isinstance(outcome, Admitted):
            return reserved(hold_of(ask, outcome), ask.budget_id, plain.amounts)
        return outcome

    def _learning(self, origin: tuple[bytes, ...], send: Send, *, is_plain: bool) -> Send:
        """Remember the headers with which the ordinary door answers 201 to plain requests that came this way."""
        if origin in self._answers or not is_plain:
            return send

        async def learning(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 201:
                found = [(name, value) for name, value in message["headers"] if name not in OWN_HEADERS]
                if not any(name == b"set-cookie" for name, _ in found):
                    if len(self._answers) >= MOST_ORIGINS:
                        self._answers.clear()
                    self._answers[origin] = found
            await send(message)

        return learning


async def _answered(asked: _Asked, outcome: Outcome, known: Headers, send: Send) -> bool:
    """Send what can be said here, with the headers of the ordinary door; False if that is nothing."""
    if isinstance(outcome, Answer):
        status, own, body = outcome.status_code, headers_of(outcome), outcome.body
    elif isinstance(outcome, Unavailable):
        status, own, body = 503, {"Retry-After": str(outcome.retry_after_seconds)}, _problem(outcome)
        known = [(b"content-type", PROBLEM), *(each for each in known if each[0] != b"content-type")]
    else:
        return False
    request_id, content = asked.request_id(), json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    own |= {"X-Request-Id": request_id, "Content-Length": str(len(content))}
    headers = [*known, *((name.lower().encode(), value.encode()) for name, value in own.items())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
    _measure(time.perf_counter() - asked.began, status=status)
    request = f"POST {asked.scope['path']}"
    logger.info(
        "request_finished", code=status, ip=asked.address(), request=request, request_id=request_id, user_id=None
    )
    return True


def _problem(error: Unavailable) -> dict[str, Any]:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    problem = {"type": f"urn:commonwatt:problem:{error.code}", "title": status.phrase, "status": status.value}
    return problem | {"detail": error.detail, "code": error.code}


def _measure(seconds: float, *, status: int) -> None:
    """Show on /metrics what the ordinary door would show."""
    metrics = Metrics.get_instance()
    labels = {"view": VIEW, "method": "POST"}
    metrics.requests_total.inc()
    metrics.responses_total.inc()
    metrics.requests_latency_before.observe(seconds)
    metrics.requests_latency_by_view_method.labels(**labels).observe(seconds)
    metrics.responses_by_status.labels(status=str(status)).inc()
    metrics.responses_by_status_view_method.labels(status=str(status), **labels).inc()


def _replay(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
