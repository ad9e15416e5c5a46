"""What every provider's adapter offers. An adapter never retries: the gateway does, elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from sessions_app.domain.gateway.wire import ChatAsk, EmbeddingsAsk, EmbeddingsReply, Piece, Reply, Target


class Provider(Protocol):
    """A kind of provider. All raise UpstreamError; what is cancelled closes its connection."""

    async def chat(self, target: Target, ask: ChatAsk, *, max_output_tokens: int) -> Reply:
        """A whole answer."""

    def stream(self, target: Target, ask: ChatAsk, *, max_output_tokens: int) -> AsyncIterator[Piece]:
        """The answer in parts, as they come. Ends after the last one; an end before the end raises with Fault.CUT."""

    async def embed(self, target: Target, ask: EmbeddingsAsk) -> EmbeddingsReply:
        """Vectors."""

    def problem_of(self, ask: ChatAsk) -> str:
        """What of an ask this kind of provider cannot do, in words that name the parameter; empty if nothing."""
