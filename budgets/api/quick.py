"""The plain good case of `reserve/` without a thread, a view or a query for each request.

Whatever is not plain (a key not seen within the last second, a body that is not quite as expected, a
refusal, a rate that is used up) goes to the ordinary door, which answers all of it. So both doors
say the same: this one knows only the answer 201, and takes the headers of it from the ordinary door.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone
from django_prometheus.middleware import Metrics

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.selectors import find_remembered_principal
from accounts.services.idempotency import Answer, Claim, fingerprint_of
from budgets.api.hot import (
    LEAST_LEASE_SECONDS,
    MOST_LEASE_SECONDS,
    MOST_TOKENS,
    USUAL_LEASE_SECONDS,
    headers_of,
    reference_of,
    reserved,
)
from budgets.domain.admission import Admitted
from budgets.domain.asks import HoldAsk
from budgets.domain.units import LARGEST_AMOUNT, STEPS_PER_UNIT, Amounts, Unit
from budgets.selectors import find_known_owner
from budgets.services.holds.collecting import Collector
from budgets.services.holds.commits import Once, Shared, hold_of
from budgets.services.holds.meter import METER
from config.kernel.errors import Unavailable

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PATH = re.compile(r"/api/v1/budgets/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/reserve/")
REFERENCE = re.compile(r"[A-Za-z0-9._:/-]{1,80}")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
KEY = re.compile(r"[\x21-\x7e]{1,255}")
LARGEST_BODY_BYTES = 2048
JSON = {b"application/json", b"application/json; charset=utf-8"}
ANY = {b"", b"*/*", b"application/json"}
NOT_PLAIN = {b"cookie", b"content-encoding", b"expect", b"x-http-method-override"}
OWN_HEADERS = {b"content-length", b"x-request-id", b"x-budget-warning", b"idempotent-replayed"}
MOST_ORIGINS = 100
VIEW = "budget-reserve"

logger = structlog.get_logger("django_structlog.middlewares.request")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """A request that this door can answer, if its ask is admitted."""

    shared: Shared
    amounts: Amounts
    who: str


class QuickReserve:
    """Answers plain reservations itself, in batches; passes everything else on.

    `may_pass(actor, count)` counts requests of a caller and says whether they are within the rate.
    """

    def __init__(self, application: Application, *, may_pass: Callable[[str, int], bool]):
        self._application = application
        self._collector = Collector(may_pass)
        self._answers: dict[tuple[bytes, ...], Headers] = {}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One HTTP request of an ASGI server."""
        match = PATH.fullmatch(scope["path"]) if scope["method"] == "POST" else None
        if match is None:
            await self._application(scope, receive, send)
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        origin = _origin(scope, headers)
        first = await receive()
        known = self._answers.get(origin)
        plain = _plain(match[1], scope, headers, first) if known is not None else None
        if known is None or plain is None or not await self._answered(plain, known, headers, scope, send, began):
            await self._application(scope, _replay(first, receive), self._learning(origin, send))

    async def _answered(
        self,
        plain: _Plain,
        known: Headers,
        headers: dict[bytes, bytes],
        scope: MutableMapping[str, Any],
        send: Send,
        began: float,
    ) -> bool:
        """Whether the ask was admitted and answered here."""
        ask = plain.shared.ask
        with METER.measured(ask.budget_id) as way:
            if way.line is None:
                return False
            outcome = await self._collector.ask(way.line, plain.shared, way=way, who=plain.who)
        if isinstance(outcome, Admitted):
            outcome = reserved(hold_of(ask, outcome), ask.budget_id, plain.amounts)
        if isinstance(outcome, Unavailable):
            await _send(send, 503, [(b"content-type", b"application/problem+json"), (b"retry-after", b"5")], outcome)
            return True
        if not isinstance(outcome, Answer):
            return False
        request_id = headers.get(b"x-request-id", b"").decode("latin1")
        if not REQUEST_ID.fullmatch(request_id):
            request_id = uuid.uuid4().hex
        own = {"X-Request-Id": request_id, **headers_of(outcome)}
        named = [(name.lower().encode(), value.encode()) for name, value in own.items()]
        await _send(send, outcome.status_code, [*known, *named], outcome)
        _measure(time.perf_counter() - began)
        logger.info("request_finished", code=201, request=f"POST {scope['path']}", request_id=request_id)
        return True

    def _learning(self, origin: tuple[bytes, ...], send: Send) -> Send:
        """Remember the headers with which the ordinary door answers 201 to requests that came this way."""
        if origin in self._answers:
            return send

        async def learning(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 201:
                found = [(name, value) for name, value in message["headers"] if name not in OWN_HEADERS]
                if not any(name == b"set-cookie" for name, _ in found) and len(self._answers) < MOST_ORIGINS:
                    self._answers[origin] = found
            await send(message)

        return learning


def _origin(scope: MutableMapping[str, Any], headers: dict[bytes, bytes]) -> tuple[bytes, ...]:
    """What decides whether the ordinary door lets a request in at all: host, scheme, proxy."""
    names = (b"host", b"x-forwarded-proto", b"x-forwarded-host", b"origin", b"referer")
    return (scope["scheme"].encode(), *(headers.get(name, b"") for name in names))


def _plain(
    budget: str, scope: MutableMapping[str, Any], headers: dict[bytes, bytes], message: Message
) -> _Plain | None:
    """The ask of a request that is plain in every respect."""
    if message["type"] != "http.request" or message.get("more_body") or not _is_plain(scope, headers):
        return None
    now = timezone.now()
    budget_id = UUID(budget)
    owner, principal = find_known_owner(budget_id), _principal(headers, now=now)
    if owner is None or principal is None or owner.team_id is None or owner.team_id != principal.team_id:
        return None
    body = _body(message.get("body", b""))
    if body is None or (amounts := _amounts(body, owner.unit)) is None:
        return None
    ask = HoldAsk(
        budget_id=budget_id,
        amounts=amounts,
        reference=reference_of(owner.team_id, body.get("reference")),
        lease_expires_at=now + timedelta(seconds=body.get("lease_seconds", USUAL_LEASE_SECONDS)),
        actor=principal.actor,
    )
    once = None
    if (key := headers.get(b"idempotency-key")) is not None:
        if not KEY.fullmatch(key.decode("latin1")):
            return None
        fingerprint = fingerprint_of("POST", scope["path"], body)
        claim = Claim(team_id=owner.team_id, key=key.decode("latin1"), fingerprint=fingerprint)
        once = Once(claim=claim, answer_of=lambda placed: reserved(placed, budget_id, amounts))
    return _Plain(shared=Shared(ask=ask, now=now, once=once), amounts=amounts, who=principal.actor)


def _is_plain(scope: MutableMapping[str, Any], headers: dict[bytes, bytes]) -> bool:
    return (
        not scope["query_string"]
        and headers.get(b"content-type", b"").lower() in JSON
        and headers.get(b"accept", b"") in ANY
        and not NOT_PLAIN & headers.keys()
        and len(headers) == len(scope["headers"])
    )


def _principal(headers: dict[bytes, bytes], *, now: datetime) -> Principal | None:
    scheme, _, secret = headers.get(b"authorization", b"").decode("latin1").partition(" ")
    if scheme != "Bearer":
        return None
    principal = find_remembered_principal(secret, now=now)
    return principal if principal is not None and principal.may(Scope.BUDGETS_SPEND) else None


def _body(content: bytes) -> dict[str, Any] | None:
    """An object of whole numbers and a simple reference, within bounds; None for anything else."""
    if len(content) > LARGEST_BODY_BYTES:
        return None
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if type(body) is not dict or not body.keys() <= {"amount", "tokens", "lease_seconds", "reference"}:
        return None
    lease_seconds, reference = body.get("lease_seconds", USUAL_LEASE_SECONDS), body.get("reference", "-")
    if type(lease_seconds) is not int or not LEAST_LEASE_SECONDS <= lease_seconds <= MOST_LEASE_SECONDS:
        return None
    if type(reference) is not str or not REFERENCE.fullmatch(reference):
        return None
    return body


def _amounts(body: dict[str, Any], unit: Unit) -> Amounts | None:
    if ("amount" in body) == ("tokens" in body):
        return None
    unit, value = (unit, body["amount"]) if "amount" in body else (Unit.TOKENS, body["tokens"])
    if type(value) is not int or not 1 <= value <= min(MOST_TOKENS, LARGEST_AMOUNT // STEPS_PER_UNIT[unit]):
        return None
    steps = value * STEPS_PER_UNIT[unit]
    return Amounts(
        tokens=steps if unit is Unit.TOKENS else 0,
        carbon_ug=steps if unit is Unit.CARBON_G else 0,
        micro_usd=steps if unit is Unit.MICRO_USD else 0,
    )


async def _send(send: Send, status: int, headers: Headers, outcome: Answer | Unavailable) -> None:
    if isinstance(outcome, Answer):
        body: dict[str, Any] = outcome.body
    else:
        body = {"type": "urn:commonwatt:problem:unavailable", "title": "Service Unavailable", "status": status}
        body |= {"detail": outcome.detail, "code": outcome.code}
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = [*headers, (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _measure(seconds: float) -> None:
    """Show on /metrics what the ordinary door would show."""
    metrics = Metrics.get_instance()
    labels = {"view": VIEW, "method": "POST"}
    metrics.requests_total.inc()
    metrics.responses_total.inc()
    metrics.requests_latency_before.observe(seconds)
    metrics.requests_latency_by_view_method.labels(**labels).observe(seconds)
    metrics.responses_by_status.labels(status="201").inc()
    metrics.responses_by_status_view_method.labels(status="201", **labels).inc()


def _replay(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
