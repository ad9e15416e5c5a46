"""What was seen of a streamed answer: put together again, and what it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sessions_app.domain.gateway.wire import Piece, Usage

TEXTS = ("content", "refusal", "reasoning_content")


@dataclass(slots=True)
class _Choice:
    texts: dict[str, list[str]] = field(default_factory=dict)
    calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    finish_reason: str | None = None
    logprobs: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Seen:
    """Grows with every piece."""

    usage: Usage | None = None
    pieces: int = 0
    fingerprint: str = ""
    _choices: dict[int, _Choice] = field(default_factory=dict)

    def note(self, piece: Piece) -> None:
        """Add a piece."""
        self.pieces += 1
        self.fingerprint = piece.fingerprint or self.fingerprint
        if piece.usage is not None:
            self.usage = piece.usage
        for each in piece.choices:
            index = int(each.get("index") or 0)
            choice = self._choices.get(index)
            if choice is None:
                choice = self._choices[index] = _Choice()
            choice.finish_reason = each.get("finish_reason") or choice.finish_reason
            _note_delta(choice, each.get("delta") or {})
            for name, found in (each.get("logprobs") or {}).items():
                choice.logprobs.setdefault(name, []).extend(found or ())

    @property
    def is_whole(self) -> bool:
        """Whether every answer that began has ended."""
        return bool(self._choices) and all(each.finish_reason for each in self._choices.values())

    def text(self) -> str:
        """All that a model wrote: answers, refusals, arguments of calls."""
        parts = [part for choice in self._choices.values() for texts in choice.texts.values() for part in texts]
        for choice in self._choices.values():
            for call in choice.calls.values():
                parts += [call["name"], *call["arguments"]]
        return "".join(parts)

    def choices(self) -> list[dict[str, Any]]:
        """The answers as OpenAI's format has them whole."""
        return [
            {
                "index": index,
                "message": _message(choice),
                "logprobs": choice.logprobs or None,
                "finish_reason": choice.finish_reason or "length",
            }
            for index, choice in sorted(self._choices.items())
        ]


def _note_delta(choice: _Choice, delta: Mapping[str, Any]) -> None:
    for name in TEXTS:
        if delta.get(name):
            choice.texts.setdefault(name, []).append(str(delta[name]))
    for call in delta.get("tool_calls") or ():
        known = choice.calls.setdefault(int(call.get("index") or 0), {"id": "", "name": "", "arguments": []})
        function = call.get("function") or {}
        known["id"] = call.get("id") or known["id"]
        known["name"] = function.get("name") or known["name"]
        if call.get("extra_content"):
            known["extra_content"] = call["extra_content"]
        if function.get("arguments"):
            known["arguments"].append(str(function["arguments"]))


def _message(choice: _Choice) -> dict[str, Any]:
    texts = {name: "".join(parts) for name, parts in choice.texts.items()}
    message: dict[str, Any] = {
        "role": "assistant",
        "content": texts.get("content") if choice.calls else texts.get("content", ""),
        "refusal": texts.get("refusal"),
    }
    if choice.calls:
        message["tool_calls"] = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": "".join(call["arguments"])},
                **({"extra_content": call["extra_content"]} if "extra_content" in call else {}),
            }
            for _, call in sorted(choice.calls.items())
        ]
    return message


def text_of_choices(choices: Sequence[Mapping[str, Any]]) -> str:
    """All that a model wrote in a whole answer."""
    messages = [choice.get("message") or {} for choice in choices]
    parts = [str(message[name]) for message in messages for name in TEXTS if message.get(name)]
    for message in messages:
        for call in message.get("tool_calls") or ():
            function = call.get("function") or {}
            parts += [str(function.get("name") or ""), str(function.get("arguments") or "")]
    return "".join(parts)
