"""An answer in parts: passed on as it comes, settled after its last part, however it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

from config.kernel.errors import DomainError, Unavailable
from sessions_app.connectors.contract import Provider
from sessions_app.domain.gateway.wire import ChatAsk, Fault, Piece, Reply, Target, UpstreamError
from sessions_app.models import GatewayCall
from sessions_app.services.gateway.attempts import Tries, first_answer, refusal_of
from sessions_app.services.gateway.ending import finish_of, used_of
from sessions_app.services.gateway.engine import answer_of, begin, concluded, figures_of, instead, surely_ended
from sessions_app.services.gateway.seen import Seen
from sessions_app.services.gateway.wishes import Answered, Figures, Wish

Status = GatewayCall.Status
DRAIN_SECONDS = 3.0
"""So long a stream is read on after its caller has gone: its end tells what it took."""
GONE = "caller_gone"

Emit = Callable[[Piece], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a stream ended: the whole answer as far as it was seen, settled, and what went wrong, if anything did."""

    answer: Answered
    error: DomainError | None


@dataclass(slots=True)
class Flow:
    """A streamed answer whose first part is here. `run` must be called once, whatever happens to the caller."""

    tries: Tries
    pieces: AsyncGenerator[Piece, None]
    first: Piece
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def figures(self) -> Figures:
        """What was granted."""
        return figures_of(self.tries)

    async def run(self, emit: Emit, gone: asyncio.Future[None]) -> Ended:
        """Pass every part to `emit` until the answer ends, the deadline comes, or the caller is `gone`.

        The call is settled when this returns, also where `emit` raises or this is cancelled.
        """
        seen = Seen()
        with surely_ended(self.tries, seen.text) as end:
            error, code = await self._passed_on(seen, emit, gone)
            written = seen.text()
            used = await used_of(self.tries, seen.usage, written)
            reply = Reply(choices=seen.choices(), usage=seen.usage, fingerprint=seen.fingerprint)
            answer = answer_of(self.tries, reply, used)
            status = Status.CUT if code else Status.ANSWERED
            keeps = seen.is_whole and error is None
            end.item = finish_of(
                self.tries, status=status, used=used, error_code=code, answer=answer if keeps else None
            )
        return Ended(answer=await concluded(self.tries, answer, end.item), error=error)

    async def _passed_on(self, seen: Seen, emit: Emit, gone: asyncio.Future[None]) -> tuple[DomainError | None, str]:
        """What went wrong for the caller, and the code that is stored; both empty where the answer ended well."""
        tries = self.tries
        try:
            async with _bounded(tries.plan.deadline, gone) as bound, aclosing(self._all()) as pieces:
                async for piece in pieces:
                    seen.note(piece)
                    if not gone.done():
                        await emit(piece)
        except UpstreamError as error:
            if error.fault is Fault.TIMEOUT and tries.plan.is_over:  # the bound of its connection ends with ours
                return self._late()
            tries.broke_off(error)
            return refusal_of(error), error.fault.value
        except TimeoutError:
            if not bound.expired():
                raise
            if gone.done():
                tries.answered()
                return None, GONE
            return self._late()
        tries.answered()
        return None, GONE if gone.done() else ""

    def _late(self) -> tuple[DomainError, str]:
        late = UpstreamError(Fault.TIMEOUT, "The caller's deadline came before the end of the answer.")
        self.tries.broke_off(late, is_its_fault=False)
        return Unavailable(late.words, code="deadline"), "deadline"

    async def _all(self) -> AsyncGenerator[Piece, None]:
        try:
            yield self.first
            async for piece in self.pieces:
                yield piece
        finally:
            await self.pieces.aclose()


@asynccontextmanager
async def _bounded(deadline: float, gone: asyncio.Future[None]) -> AsyncIterator[asyncio.Timeout]:
    """A bound at the deadline (monotonic), or soon after the caller has gone."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(max(0.0, deadline - time.monotonic())) as bound:

        def hurry(_gone: asyncio.Future[None]) -> None:
            soon, until = loop.time() + DRAIN_SECONDS, bound.when()
            bound.reschedule(soon if until is None else min(soon, until))

        gone.add_done_callback(hurry)
        try:
            yield bound
        finally:
            gone.remove_done_callback(hurry)


async def begin_stream(wish: Wish) -> Flow | Answered:
    """A stream that has begun; or a whole answer, where an earlier try, a council or a stored summary gives it.

    Raises as `engine.perform`: nothing has been sent yet.
    """
    tries = await begin(wish)
    if isinstance(tries, Answered):
        return tries
    with surely_ended(tries) as end:
        try:
            flow = await first_answer(tries, _open(tries))
        except DomainError as refusal:
            return await instead(tries, refusal, end)
        end.is_passed_on = True
    return flow


def _open(tries: Tries) -> Callable[[Provider, Target, int], Awaitable[Flow]]:
    ask = tries.plan.wish.ask

    async def opened(provider: Provider, target: Target, most: int) -> Flow:
        if not isinstance(ask, ChatAsk):
            raise TypeError("Only chats are streamed.")
        pieces = _closing(provider.stream(target, ask, max_output_tokens=most))
        try:
            return Flow(tries=tries, pieces=pieces, first=await anext(pieces))
        except StopAsyncIteration:
            raise UpstreamError(Fault.MALFORMED, "The stream ended before it began.") from None

    return opened


async def _closing(pieces: AsyncIterator[Piece]) -> AsyncGenerator[Piece, None]:
    """The same pieces, in a form that can be closed."""
    try:
        async for piece in pieces:
            yield piece
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
