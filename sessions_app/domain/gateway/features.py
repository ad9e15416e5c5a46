"""What triage looks at in a request: plain numbers, no text.

History is the whole conversation. Structure, questions and domain terms are of what is asked now: the messages after
the last answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sessions_app.domain.gateway.chat_tokens import image_parts
from sessions_app.domain.gateway.terms import EFFORT_PERCENT
from sessions_app.domain.gateway.wire import ChatAsk

LOOKED_AT_CHARACTERS = 100_000
_LIST_ITEM = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)
_HEADING = re.compile(r"^[ \t]*#{1,6}[ \t]+\S", re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_QUESTION = re.compile(r"\?+(?=[\s\"'”’»)\]}*_]|$)|[？؟]+")  # not those inside of addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """A request in numbers. `terms_found` are domain terms of the policy that it names. `effort` is 0 to 1, what
    the caller said of how hard to think; None for `output_tokens`: no bound was stated."""

    input_tokens: int
    messages: int
    paragraphs: int = 0
    list_items: int = 0
    headings: int = 0
    code_blocks: int = 0
    questions: int = 0
    tools: int = 0
    tool_results: int = 0
    images: int = 0
    has_schema: bool = False
    output_tokens: int | None = None
    choices: int = 1
    effort: float = 0.0
    terms_found: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The bucket of work whose outcomes are learned together: what is asked with, and how long it is."""
        lengths = ((500, "short"), (4_000, "medium"))
        length = next((name for most, name in lengths if self.input_tokens <= most), "long")
        return f"{self._means}-{length}"

    @property
    def _means(self) -> str:
        if self.tools or self.tool_results:
            return "tools"
        if self.images:
            return "images"
        if self.has_schema:
            return "schema"
        return "code" if self.code_blocks else "text"


def features_of(
    ask: ChatAsk,
    *,
    input_tokens: int,
    domain_terms: Sequence[str] = (),
    effort_percent: Mapping[str, int] = EFFORT_PERCENT,
) -> Features:
    """The features of a chat whose input was counted. Terms and efforts are the policy's."""
    text = "\n\n".join(_asked_now(ask.messages))[:LOOKED_AT_CHARACTERS]
    options = ask.options
    form = options.get("response_format")
    return Features(
        input_tokens=input_tokens,
        messages=sum(each.get("role") not in ("system", "developer") for each in ask.messages),
        paragraphs=len(_PARAGRAPH.findall(text.strip())),
        list_items=len(_LIST_ITEM.findall(text)),
        headings=len(_HEADING.findall(text)),
        code_blocks=(len(_FENCE.findall(text)) + 1) // 2,
        questions=len(_QUESTION.findall(text)),
        tools=len(options.get("tools") or ()),
        tool_results=sum(each.get("role") == "tool" for each in ask.messages),
        images=sum(1 for _ in image_parts(ask.messages)),
        has_schema=isinstance(form, Mapping) and form.get("type") == "json_schema",
        output_tokens=ask.max_output_tokens,
        choices=int(options.get("n") or 1),
        effort=effort_percent.get(str(options.get("reasoning_effort") or "none"), 0) / 100,
        terms_found=_terms_in(text, tuple(domain_terms)),
    )


def _asked_now(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    answers = [at for at, each in enumerate(messages) if each.get("role") == "assistant"]
    after = answers[-1] + 1 if answers else 0
    return [text for each in messages[after:] if each.get("role") == "user" for text in _texts(each)]


def _texts(message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
    elif isinstance(content, Sequence):
        for part in content:
            if isinstance(part, Mapping) and isinstance(part.get("text"), str):
                yield part["text"]


def _terms_in(text: str, terms: tuple[str, ...]) -> tuple[str, ...]:
    if not terms:
        return ()
    found = {each.lower() for each in _pattern(terms).findall(text)}
    return tuple(each for each in terms if each.lower() in found)


@lru_cache(maxsize=16)
def _pattern(terms: tuple[str, ...]) -> re.Pattern[str]:
    """Whole words, a plural's s allowed; the longest first, so that no term hides behind a part of itself."""
    words = sorted(terms, key=len, reverse=True)
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, words))})s?(?!\w)", re.IGNORECASE)
