"""What a council can answer: a chat in plain text, with nothing asked of the answer but that it is short enough.

Its agents are sent one text and answer in a form of their own, several times. What else a call may ask for could not be
kept, so it is refused by its name, or one model answers: it is never dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sessions_app.domain.gateway.wire import ChatAsk

SAYS_NOTHING: Mapping[str, Any] = {
    "n": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "top_logprobs": 0,
    "response_format": {"type": "text"},
    "tool_choice": "none",
}
"""Options with the value that changes nothing in any answer."""
INSTEAD = "a council answers chats of plain text in plain text. Leave it out, or send X-Commonwatt-Mode: express."


@dataclass(frozen=True, slots=True, kw_only=True)
class Unkept:
    """What of a call a council cannot keep: the parameter, and words for who sent it."""

    param: str
    words: str


def unkept(ask: ChatAsk, *, most_output_tokens: int) -> Unkept | None:
    """The first thing of a chat that a council cannot keep; None where it can keep all.

    `most_output_tokens` is what it may answer at most: a larger bound would be lowered.
    """
    for name, value in ask.options.items():
        if name == "parallel_tool_calls" and not ask.options.get("tools"):
            continue
        if name not in SAYS_NOTHING or value != SAYS_NOTHING[name]:
            return Unkept(param=name, words=f"'{name}' cannot be kept: {INSTEAD}")
    stated = ask.max_output_tokens
    if stated is not None and stated > most_output_tokens:
        words = f"A council answers in at most {most_output_tokens} tokens; 'max_tokens' is {stated}."
        return Unkept(param="max_tokens", words=words)
    return _unkept_message(ask.messages)


def _unkept_message(messages: Sequence[Mapping[str, Any]]) -> Unkept | None:
    for index, each in enumerate(messages):
        if place := _beyond_text(each):
            param = f"messages[{index}].{place}"
            return Unkept(param=param, words=f"'{param}' cannot be kept: {INSTEAD}")
    if not any(text_of(each) for each in messages if each.get("role") == "user"):
        return Unkept(param="messages", words="A council needs a question: no message of the user has text.")
    return None


def _beyond_text(message: Mapping[str, Any]) -> str:
    """Where a message holds something else than text; empty where it does not."""
    if message.get("role") == "tool":
        return "role"
    for name in ("tool_calls", "refusal"):
        if message.get(name):
            return name
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    other = next((at for at, part in enumerate(parts) if part.get("type") != "text"), None)
    return "" if other is None else f"content[{other}]"


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, without what stands around it; of parts each on its line."""
    content = message.get("content")
    if isinstance(content, str):
        return content.strip()
    parts = content if isinstance(content, list) else []
    return "\n".join(str(each.get("text", "")) for each in parts if each.get("type") == "text").strip()
