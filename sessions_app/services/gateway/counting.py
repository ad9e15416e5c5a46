"""Tokens of texts and chats, before they are sent anywhere. Without a network; counts are kept by digest, never text.

100 kB take about 4 ms the first time. Callers on an event loop count more than that in a thread. Short texts are
kept as well, as the roles of messages: the vocabulary gives the interpreter up while it counts, and a loop that
has given it up waits for threads.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from budgets.services import count_tokens, split_tokens
from sessions_app.domain.gateway.chat_tokens import image_parts, messages_tokens, tools_tokens
from sessions_app.domain.gateway.token_factors import ESTIMATE, FactorTable, Family, kind_of_text

TABLE = Path(__file__).resolve().parent.parent.parent / "data" / "token_factors.json"
MOST_KEPT = 20_000
DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount:
    """Tokens, whether that is an estimate, and what it rests on: `tokeniser` or `estimate`."""

    tokens: int
    is_estimate: bool
    basis: str


def count_chat(
    messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any] | None = None, *, tokeniser: str
) -> TokenCount:
    """What the messages and tools of a chat take of a model's window.

    `options` are the ask's: its `tools` and the schema of a `response_format` count too.
    `tokeniser` is a family of the table. Exact only for text in OpenAI's own vocabularies.
    """
    family = factor_table().family(tokeniser)
    tools, schema = _tools(options or {}), _schema(options or {})

    def count(text: str) -> int:
        return _tokens(text, family)

    tokens = messages_tokens(messages, count) + tools_tokens(tools, count, encoding=family.encoding)
    tokens += count(schema) if schema else 0
    guessed = not family.is_exact or bool(tools) or bool(schema) or any(image_parts(messages))
    return TokenCount(tokens=tokens, is_estimate=guessed, basis=ESTIMATE if guessed else family.basis)


def count_text(text: str, *, tokeniser: str) -> TokenCount:
    """What a text takes, without any framing."""
    return count_texts([text], tokeniser=tokeniser)


def count_texts(texts: Sequence[str], *, tokeniser: str) -> TokenCount:
    """What texts take together, without any framing: the input of embeddings."""
    family = factor_table().family(tokeniser)
    tokens = sum(_tokens(each, family) for each in texts)
    return TokenCount(tokens=tokens, is_estimate=not family.is_exact, basis=family.basis)


def cut_text(text: str, *, most_tokens: int, tokenisers: Collection[str]) -> tuple[str, bool]:
    """The beginning of a text in so many tokens, whichever of the tokenisers counts; and whether anything is missing.

    As a model that comes to its bound, it ends in the middle of a sentence.
    """

    def over(kept: str) -> int:
        return max(count_text(kept, tokeniser=each).tokens for each in tokenisers) - most_tokens

    if over(text) <= 0:
        return text, False
    room = most_tokens
    while (too_many := over(kept := "".join(split_tokens(text, most=room)[0]))) > 0 < room:
        room = max(0, room - too_many)
    return kept, True


@lru_cache(maxsize=1)
def factor_table() -> FactorTable:
    """The table of token factors that is shipped."""
    return FactorTable.read(json.loads(TABLE.read_text()))


def _tokens(text: str, family: Family) -> int:
    counted = _KEPT.count(text, family.encoding)
    return counted if family.is_exact else family.tokens(counted, kind_of_text(text))


def _tools(options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return options.get("tools") or ()


def _schema(options: Mapping[str, Any]) -> str:
    form = options.get("response_format")
    schema = form.get("json_schema") if isinstance(form, Mapping) else None
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":")) if schema else ""


class _Counts:
    """The newest counts by digest of the text; threads share it."""

    def __init__(self) -> None:
        self._counts: OrderedDict[bytes, int] = OrderedDict()
        self._lock = Lock()

    def count(self, text: str, encoding: str) -> int:
        """Tokens in a vocabulary, counted once for each text."""
        raw = text.encode("utf-8", "surrogatepass")
        key = hashlib.blake2b(raw, digest_size=DIGEST_BYTES, person=encoding.encode()).digest()
        with self._lock:
            known = self._counts.get(key)
            if known is not None:
                self._counts.move_to_end(key)
                return known
        found = count_tokens(text, encoding_name=encoding)
        with self._lock:
            self._counts[key] = found
            if len(self._counts) > MOST_KEPT:
                self._counts.popitem(last=False)
        return found


_KEPT = _Counts()
