"""`/v1/...` on the event loop: OpenAI's wire format in and out, before everything that takes a thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from django.utils import timezone

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope as Power
from accounts.services.idempotency import fingerprint_of
from config.kernel.errors import DomainError, NotFound, Unavailable
from sessions_app.api.gateway import answers
from sessions_app.api.gateway.asking import principal_of, read_headers
from sessions_app.api.gateway.checks import read_object
from sessions_app.api.gateway.errors import envelope_of
from sessions_app.api.gateway.parsing import read_chat, read_embeddings
from sessions_app.api.gateway.requests import Application, CallerGone, Receive, Request, Scope, Send
from sessions_app.domain.gateway.wire import ChatAsk, EmbeddingsAsk, Piece
from sessions_app.services.gateway import registry
from sessions_app.services.gateway.admission import rate_exceeded
from sessions_app.services.gateway.background import read
from sessions_app.services.gateway.engine import perform
from sessions_app.services.gateway.streams import Flow, begin_stream
from sessions_app.services.gateway.wishes import Answered, Wish

logger = logging.getLogger(__name__)

CHAT, EMBEDDINGS, MODELS = "/v1/chat/completions", "/v1/embeddings", "/v1/models"
SERVED = f"Served are POST {CHAT}, POST {EMBEDDINGS} and GET {MODELS}."
LARGE_BODY_BYTES = 256 * 1024
"""Larger bodies are read in a thread: the event loop must not wait for it."""
LARGE_ANSWER_NUMBERS = 10_000
"""More numbers are written in a thread, for the same reason."""
MOST_OPEN = 4096
"""Calls at once in a process."""
Rate = Callable[[str, int], bool]
Ask = TypeVar("Ask", ChatAsk, EmbeddingsAsk)


class Gateway:
    """Answers everything below /v1; passes everything else on.

    `is_within_rate(actor, count)` counts calls of a caller and says whether they are within the rate.
    """

    def __init__(self, application: Application, *, is_within_rate: Rate):
        self._application = application
        self._is_within_rate = is_within_rate
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request of an ASGI server."""
        path = scope["path"]
        if path != "/v1" and not path.startswith("/v1/"):
            await self._application(scope, receive, send)
            return
        view, doors = self._doors(path.rstrip("/"))
        request = Request(scope=scope, receive=receive, send=send, view=view)
        self._open += 1
        try:
            await self._answered(request, doors)
        except CallerGone:
            pass
        finally:
            self._open -= 1
            request.note()

    def _doors(self, path: str) -> tuple[str, dict[str, Callable[[Request], Awaitable[None]]]]:
        """The name of a path in measurements, and who answers which method; nobody where there is nothing."""
        if path == CHAT:
            return "gateway-chat", {"POST": self._chat}
        if path == EMBEDDINGS:
            return "gateway-embeddings", {"POST": self._embeddings}
        if path == MODELS:
            return "gateway-models", {"GET": self._models}
        if path.startswith(f"{MODELS}/"):
            return "gateway-model", {"GET": self._model}
        return "gateway-nothing", {}

    async def _answered(self, request: Request, doors: dict[str, Callable[[Request], Awaitable[None]]]) -> None:
        method = request.scope["method"]
        method = "GET" if method == "HEAD" else method
        try:
            request.check_origin()
            if not doors:
                what = f"{method} {request.scope['path'][:200]}"
                raise NotFound(f"There is nothing at {what}. {SERVED}", code="unknown_url")
            if method not in doors:
                allowed = {"Allow": ", ".join([*doors, *(("HEAD",) if "GET" in doors else ())])}
                raise NotFound(f"{method} is not allowed here.", code="method_not_allowed", headers=allowed)
            if self._open > MOST_OPEN:
                raise Unavailable("Too many calls are open.", code="overloaded", retry_after_seconds=1)
            await doors[method](request)
        except DomainError as refusal:
            if request.status is not None:
                raise  # it has been answered already: this is a fault of ours
            await request.refuse(refusal)
        except (CallerGone, asyncio.CancelledError):
            raise
        except Exception:  # the outermost door: whatever it was is told, and answered in the envelope
            logger.exception("a call failed by a fault of ours")
            if request.status is None:
                fault = Unavailable("The gateway failed at this call. What was held is given back.", code="fault")
                await request.refuse(fault)

    async def _chat(self, request: Request) -> None:
        principal = await principal_of(request.headers, scope=Power.REQUESTS_WRITE)
        ask, body = await _read(request, read_chat)
        wish = self._wish(request, principal, ask, body)
        if not ask.is_stream:
            await _send_whole(request, await perform(wish))
            return
        begun = await begin_stream(wish)
        if isinstance(begun, Answered):
            await _replay(request, begun, wants_usage=ask.wants_usage)
        else:
            await _stream(request, begun, ask)

    async def _embeddings(self, request: Request) -> None:
        principal = await principal_of(request.headers, scope=Power.REQUESTS_WRITE)
        ask, body = await _read(request, read_embeddings, is_slow=True)
        answer = await perform(self._wish(request, principal, ask, body))
        is_large = sum(map(len, answer.vectors)) > LARGE_ANSWER_NUMBERS
        content = (
            await asyncio.to_thread(answers.embeddings, answer, ask) if is_large else answers.embeddings(answer, ask)
        )
        await request.answer(200, content, _headers(answer))

    async def _models(self, request: Request) -> None:
        await self._may_read(request)
        snapshot = await registry.current(timezone.now())
        await request.answer(200, answers.dumped(answers.models(snapshot)), {})

    async def _model(self, request: Request) -> None:
        await self._may_read(request)
        snapshot = await registry.current(timezone.now())
        name = request.scope["path"].rstrip("/").removeprefix(f"{MODELS}/")
        if name not in snapshot.served_names():
            raise NotFound(f"The model '{name[:120]}' does not exist.", field="model", code="model_not_found")
        await request.answer(200, answers.dumped(answers.model(snapshot, name)), {})

    async def _may_read(self, request: Request) -> None:
        principal = await principal_of(request.headers, scope=Power.REQUESTS_READ)
        if not await read(lambda: self._is_within_rate(principal.actor, 1)):
            raise rate_exceeded()

    def _wish(self, request: Request, principal: Principal, ask: ChatAsk | EmbeddingsAsk, body: dict[str, Any]) -> Wish:
        asked = read_headers(request.headers)
        key, path = asked.idempotency_key, request.scope["path"]
        return Wish(
            principal=principal,
            ask=ask,
            purpose=asked.purpose,
            origin=asked.origin,
            session_id=asked.session_id,
            agent=asked.agent,
            budget_id=asked.budget_id,
            deadline_seconds=asked.deadline_seconds,
            latency_class=asked.latency_class,
            residency=asked.residency,
            mode=asked.mode,
            idempotency_key=key,
            fingerprint=fingerprint_of("POST", path, body) if key is not None else "",
            is_within_rate=self._is_within_rate,
        )


async def _read(
    request: Request, reader: Callable[[Mapping[str, Any]], Ask], *, is_slow: bool = False
) -> tuple[Ask, dict[str, Any]]:
    """What is asked for, and the body that says so. Large bodies are read in a thread, and those of a slow reader."""
    content = await request.body()

    def found() -> tuple[Ask, dict[str, Any]]:
        body = read_object(content)
        return reader(body), body

    return await asyncio.to_thread(found) if is_slow or len(content) > LARGE_BODY_BYTES else found()


def _headers(answer: Answered) -> dict[str, str]:
    replay = {"Idempotent-Replayed": "true"} if answer.is_replay else {}
    return answers.headers_of(answer.figures) | replay


async def _send_whole(request: Request, answer: Answered) -> None:
    await request.answer(200, answers.dumped(answers.completion(answer)), _headers(answer))


async def _replay(request: Request, answer: Answered, *, wants_usage: bool) -> None:
    """A whole answer as the stream that was asked for."""
    chunks = answers.Chunks(
        answer.figures,
        model=answer.model,
        created=answer.created,
        wants_usage=wants_usage,
        fingerprint=answer.fingerprint,
    )
    await request.start(200, _headers(answer), content_type="text/event-stream")
    for each in chunks.replayed(answer):
        await request.part(each)
    await request.part(chunks.usage(answer.usage) + answers.DONE)
    await request.finish()


async def _stream(request: Request, flow: Flow, ask: ChatAsk) -> None:
    """Pass a stream on. Settled figures come too late for headers: those tell what was granted."""
    chunks = answers.Chunks(flow.figures, model=ask.model, created=flow.created, wants_usage=ask.wants_usage)
    async with _watched(request) as gone:

        async def emit(piece: Piece) -> None:
            try:
                if request.status is None:
                    headers = answers.headers_of(flow.figures)
                    await request.start(200, headers, content_type="text/event-stream")
                if content := chunks.of(piece):
                    await request.part(content)
            except TimeoutError:
                if not gone.done():
                    gone.set_result(None)

        ended = await flow.run(emit, gone)
        if gone.done():
            return
        if ended.error is not None:
            _, _, envelope = envelope_of(ended.error)
            await request.part(answers.event(envelope))
        else:
            await request.part(chunks.usage(ended.answer.usage) + answers.DONE)
        await request.finish()


@asynccontextmanager
async def _watched(request: Request) -> AsyncIterator[asyncio.Future[None]]:
    """A future that is done once the caller has gone."""
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        if not gone.done():
            gone.set_result(None)

    watching = asyncio.create_task(watch())
    try:
        yield gone
    finally:
        watching.cancel()
