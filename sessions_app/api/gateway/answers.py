"""Answers in OpenAI's format, and the headers that go beside them."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sessions_app.domain.gateway.deployments import Candidate, Snapshot
from sessions_app.domain.gateway.wire import EmbeddingsAsk, Piece, Usage
from sessions_app.services.gateway.wishes import Answered, Figures

MICRO = 1_000_000


def dumped(body: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return _COMPACT.encode(body).encode()


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def completion(answer: Answered) -> dict[str, Any]:
    """A whole chat completion."""
    return {
        "id": _id_of(answer.figures),
        "object": "chat.completion",
        "created": answer.created,
        "model": answer.model,
        "choices": list(answer.choices),
        "usage": usage_of(answer.usage),
        "system_fingerprint": answer.fingerprint or None,
    }


def embeddings(answer: Answered, ask: EmbeddingsAsk) -> bytes:
    """Embeddings, as numbers or as base64 of little-endian floats of 32 bits.

    Written vector by vector: one long call of the writer would stop the event loop, in whichever thread it runs.
    """
    rows = b",".join(
        dumped({"object": "embedding", "index": index, "embedding": _packed(vector) if ask.is_base64 else vector})
        for index, vector in enumerate(answer.vectors)
    )
    tokens = answer.usage.input_tokens
    rest = {"model": answer.model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    return b'{"object":"list","data":[' + rows + b"]," + dumped(rest)[1:]


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def usage_of(usage: Usage) -> dict[str, Any]:
    """Tokens by OpenAI's names."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _id_of(figures: Figures) -> str:
    return f"chatcmpl-{figures.call_id.replace('-', '')}"


class Chunks:
    """The chunks of one stream, as server-sent events."""

    def __init__(self, figures: Figures, *, model: str, created: int, wants_usage: bool, fingerprint: str = ""):
        self._head = {
            "id": _id_of(figures),
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
            "system_fingerprint": fingerprint or None,
        }
        self._wants_usage = wants_usage

    def of(self, piece: Piece) -> bytes:
        """The event of a piece; nothing for one that holds usage only. Who answers is told from then on."""
        if piece.fingerprint:
            self._head["system_fingerprint"] = piece.fingerprint
        if not piece.choices:
            return b""
        usage = {"usage": None} if self._wants_usage else {}
        return event({**self._head, "choices": list(piece.choices), **usage})

    def usage(self, usage: Usage) -> bytes:
        """The last event, where it was asked for: no choices, only usage."""
        return event({**self._head, "choices": [], "usage": usage_of(usage)}) if self._wants_usage else b""

    def replayed(self, answer: Answered) -> Iterator[bytes]:
        """The events of an answer that is here as a whole."""
        for choice in answer.choices:
            message = dict(choice.get("message") or {})
            calls = [{"index": at, **call} for at, call in enumerate(message.pop("tool_calls", None) or ())]
            delta = message | ({"tool_calls": calls} if calls else {})
            index = choice.get("index", 0)
            said = {"index": index, "delta": delta, "logprobs": choice.get("logprobs"), "finish_reason": None}
            yield self.of(Piece(choices=[said]))
            end = {"index": index, "delta": {}, "logprobs": None, "finish_reason": choice.get("finish_reason")}
            yield self.of(Piece(choices=[end]))


DONE = b"data: [DONE]\n\n"


def event(body: Any) -> bytes:
    """A server-sent event."""
    return b"data: " + dumped(body) + b"\n\n"


def plain(figure: float) -> str:
    """Six digits that count, never with an exponent."""
    short = f"{figure:.6g}"
    return f"{Decimal(short):f}" if "e" in short else short


def headers_of(figures: Figures) -> dict[str, str]:
    """What a call cost and where it ran."""
    headers = {
        "X-Commonwatt-Call": figures.call_id,
        "X-Commonwatt-Carbon-G": plain(figures.carbon_g),
        "X-Commonwatt-Cost-Usd": f"{figures.total_micro_usd / MICRO:.6f}",
        "X-Commonwatt-Figures": "settled" if figures.is_settled else "granted",
    }
    optional = {
        "X-Commonwatt-Request": figures.request_id,
        "X-Commonwatt-Region": figures.region,
        "X-Commonwatt-Deployment": figures.deployment,
        "X-Commonwatt-Fallback": figures.fallback,
        "X-Commonwatt-Max-Tokens": figures.max_tokens,
        "X-Commonwatt-Round": figures.round_id,
        "X-Commonwatt-Shortened": "true" if figures.is_shortened else "",
        "X-Budget-Warning": figures.warning_percent,
    }
    headers |= {name: str(value) for name, value in optional.items() if value not in (None, "")}
    if figures.remaining is not None:
        headers["X-Commonwatt-Budget-Remaining"] = figures.remaining
        headers["X-Commonwatt-Budget-Unit"] = figures.remaining_unit
    return headers


def models(snapshot: Snapshot) -> dict[str, Any]:
    """All names that callers may ask for."""
    return {"object": "list", "data": [model(snapshot, name) for name in snapshot.served_names()]}


def _grams(each: Candidate) -> float | None:
    """Rounded so that no exponent is needed to write it."""
    grams = each.region.grams_per_1k_output.get(each.deployment.model_class) if each.region else None
    return None if grams is None else round(grams, 4)


def model(snapshot: Snapshot, name: str) -> dict[str, Any]:
    """One name, with what its deployments can do: members that OpenAI's format has not are ours."""
    found = [each for each in snapshot.candidates(name) if each.deployment.is_active]
    facts: list[Mapping[str, Any]] = [
        {
            "deployment": each.deployment.name,
            "region": each.deployment.region,
            "grams_per_1k_output_tokens": _grams(each),
            "is_usable": not each.deployment.problem,
        }
        for each in found
    ]
    first = found[0].deployment
    times = [each.deployment.created_at.timestamp() for each in found if each.deployment.created_at]
    return {
        "id": name,
        "object": "model",
        "created": int(min(times, default=0)),
        "owned_by": "commonwatt" if first.is_echo else first.provider,
        "is_echo": first.is_echo,
        "model_class": first.model_class,
        "context_window_tokens": max(each.deployment.context_window_tokens for each in found),
        "max_output_tokens": max(each.deployment.max_output_tokens for each in found),
        "chat": any(each.deployment.serves_chat for each in found),
        "embeddings": any(each.deployment.serves_embeddings for each in found),
        "deployments": facts,
    }
