"""A call of a model in the one form that the gateway works with: OpenAI's, checked. Adapters translate at the edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

ANYWHERE = "anywhere"
"""The latency class that bounds nothing."""
LATENCY_CLASSES = ("interactive", "regional", ANYWHERE)
"""How far a region may be, from the nearest on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAsk:
    """A chat completion that was asked for.

    `messages` are OpenAI's, checked (role, content as text or parts, tool calls). `options` holds what else was
    asked, by OpenAI's names, checked: temperature, top_p, stop, tools, tool_choice, response_format, seed, ....
    `max_output_tokens` is what the caller stated, None if nothing.
    """

    model: str
    messages: Sequence[Mapping[str, Any]]
    max_output_tokens: int | None = None
    is_stream: bool = False
    wants_usage: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingsAsk:
    """Texts to embed, at least one. `dimensions` None: as many as the model has."""

    model: str
    texts: Sequence[str]
    dimensions: int | None = None
    is_base64: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as a provider reports them. Cached ones are a part of the input, reasoning ones of the output."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer: OpenAI's `choices` (index, message, finish_reason). `usage` None: the provider told none."""

    choices: Sequence[Mapping[str, Any]]
    usage: Usage | None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a streamed answer: `choices` of OpenAI's chunk (index, delta, finish_reason), or usage, or both.
    `fingerprint` is what its provider calls itself, as in a whole answer; empty where it does not say."""

    choices: Sequence[Mapping[str, Any]] = ()
    usage: Usage | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingsReply:
    """Vectors in the order of the texts. `input_tokens` None: the provider told none."""

    vectors: Sequence[Sequence[float]]
    input_tokens: int | None


class Fault(StrEnum):
    """What went wrong upstream."""

    RATE_LIMITED = "rate_limited"  # 429: it wants us to wait; another deployment may serve
    UNAVAILABLE = "unavailable"  # 5xx, connection refused or lost
    TIMEOUT = "timeout"  # no connection, first byte or next byte in time
    CUT = "cut"  # the stream ended before its end
    MALFORMED = "malformed"  # an answer that is not what the provider promises
    REFUSED = "refused"  # 401, 403, 404: our secret, or the model's name, is wrong there
    BAD_REQUEST = "bad_request"  # 400, 413, 422: the request itself; no other deployment would do better
    BLOCKED = "blocked"  # the address may not be reached (SSRF guard)


RETRIED = frozenset({Fault.RATE_LIMITED, Fault.UNAVAILABLE, Fault.TIMEOUT, Fault.CUT, Fault.MALFORMED, Fault.REFUSED})
"""Faults after which another deployment is tried, while nothing was sent to the caller."""
COUNTED = RETRIED - {Fault.RATE_LIMITED}
"""Faults that count against a deployment's breaker. After a 429 it only rests."""


class UpstreamError(Exception):
    """A provider did not answer as it should. `words` never hold a secret or an address with one.

    `detail` is what the provider says of the request itself: for the caller only, since it may hold the call's text.
    """

    def __init__(
        self,
        fault: Fault,
        words: str,
        *,
        status: int | None = None,
        retry_after_seconds: float | None = None,
        detail: str = "",
    ):
        super().__init__(words)
        self.fault = fault
        self.words = words
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where one attempt goes. `secret` is left out of every representation. Seconds are bounds of this attempt.

    `first_byte_seconds` bounds streams only: the first byte of a whole answer comes when the model is done.
    """

    deployment_id: int
    provider: str
    base_url: str
    model: str
    secret: str = field(default="", repr=False)
    connect_seconds: float = 5.0
    first_byte_seconds: float = 60.0
    idle_seconds: float = 60.0
    total_seconds: float = 600.0
