"""Server-sent events out of bytes, however they are cut. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_EVENT_BYTES = 4_000_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class TooLong(Exception):
    """An event is longer than anybody means."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event: its kind ("message" if it states none) and its data, lines joined."""

    kind: str
    data: bytes


class EventParser:
    """Takes chunks as they come and gives the events that they complete.

    By the specification of HTML: lines end with LF, CRLF or CR; a line that begins with a colon is a comment; lines
    of data are joined; an empty line ends an event; an event without data, or one that is not ended, is none.
    """

    def __init__(self) -> None:
        self._waiting: list[bytes] = []  # of a line that has not ended, joined once it has: chunks may be tiny
        self._waiting_bytes = 0
        self._is_first = True
        self._kind = b""
        self._data: list[bytes] = []
        self._held_bytes = 0

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        """Events that a chunk completes. Raises TooLong."""
        ends_before = bool(self._waiting) and self._waiting[-1].endswith(b"\r")
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)
        if ends_before or b"\n" in chunk or b"\r" in chunk:
            yield from self._taken(b"".join(self._waiting))
        if self._waiting_bytes + self._held_bytes > LONGEST_EVENT_BYTES:
            raise TooLong

    def _taken(self, text: bytes) -> Iterator[ServerEvent]:
        if self._is_first:
            text = text.removeprefix(_BYTE_ORDER_MARK)
            self._is_first = False
        held_back = text.endswith(b"\r")  # LF may follow, and belongs to it
        whole = text[:-1] if held_back else text
        if b"\r" in whole:
            whole = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = whole.split(b"\n")
        rest = rest + b"\r" if held_back else rest
        self._waiting, self._waiting_bytes = ([rest] if rest else []), len(rest)
        for line in lines:
            if line:
                self._take(line)
                continue
            if self._data:
                yield ServerEvent(self._kind.decode("utf-8", "replace") or "message", b"\n".join(self._data))
            self._kind, self._data, self._held_bytes = b"", [], 0

    def _take(self, line: bytes) -> None:
        name, _colon, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._held_bytes += len(value) + 1
            if self._held_bytes > LONGEST_EVENT_BYTES:
                raise TooLong
        elif name == b"event":
            self._kind = value
