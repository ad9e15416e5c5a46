"""One good answer of a source, and reading it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from climate.connectors.http.errors import SourceMisbehaved


def _nothing() -> None:
    """There is nothing to forget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status 200, or a remembered answer that still holds. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    disown: Callable[[], None] = field(default=_nothing, repr=False)
    """Say that the answer is of no use, so that it is not served again on a 304."""

    def json(self) -> Any:
        """The parsed body. Raises SourceMisbehaved where it is none, as of an HTML page with status 200."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            self.disown()
            raise SourceMisbehaved("the answer is not JSON", status=self.status) from None

    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 become the replacement character."""
        return self.content.decode("utf-8-sig", errors="replace")

    def xml(self) -> ElementTree.Element:
        """The root of the parsed body. Raises SourceMisbehaved where it is none, or brings a document type."""
        try:
            _refuse_document_type(self.content)
            return ElementTree.fromstring(self.content)  # noqa: S314  # no document type, so no entities of its own
        except (ElementTree.ParseError, expat.ExpatError, ValueError, LookupError):
            self.disown()
            raise SourceMisbehaved("the answer is not XML", status=self.status) from None


def _refuse_document_type(content: bytes) -> None:
    """Raises ValueError. A few kilobytes of entities unfold to gigabytes, and no feed needs them.

    The parser itself looks for them: bytes say nothing as long as the encoding may be any.
    """

    def refuse(*_declaration: object) -> None:
        raise ValueError

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(content, True)
