"""JSON bodies, and a plain refusal of those that only pretend to be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from config.kernel.nesting import MOST_LEVELS, is_too_deep

TOO_DEEP = f"The body is nested too deeply: {MOST_LEVELS} levels are read."


class StrictJSONParser(JSONParser):
    """JSON that can also be kept and answered with: not nested without end, no half of a surrogate pair."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body's values. Raises ParseError."""
        try:
            data = super().parse(stream, media_type, parser_context)
            json.dumps(data, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError(TOO_DEEP) from error
        except UnicodeEncodeError as error:
            raise ParseError("The body holds half of a surrogate pair, which is no character.") from error
        if is_too_deep(data):
            raise ParseError(TOO_DEEP)
        return data
