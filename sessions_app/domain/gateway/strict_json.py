"""JSON from outside, read so that it can be written, stored and sent on: Python's reader takes more than that. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from config.kernel.nesting import MOST_LEVELS, is_too_deep

TOO_DEEP = f"nested too deeply: {MOST_LEVELS} levels are read"


def decoded(content: bytes) -> Any:
    """A value from JSON in UTF-8, without infinite numbers, halves of surrogate pairs, or more levels than are read.

    Raises ValueError with words that do not quote the content.
    """
    try:
        found = _DECODER.decode(content.decode())
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    except ValueError:
        raise ValueError("not JSON in UTF-8") from None
    if content.count(b"{") + content.count(b"[") > MOST_LEVELS and is_too_deep(found):
        raise ValueError(TOO_DEEP)
    if b"\\ud" in content or b"\\uD" in content:  # they only come as escapes
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except ValueError:
            raise ValueError("holding half of a surrogate pair, which is no character") from None
    return found


def _refused(name: str) -> Any:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if number - number:  # 1e999 is legal JSON, and becomes infinite
        raise ValueError(text)
    return number


_DECODER = json.JSONDecoder(parse_constant=_refused, parse_float=_finite)  # NaN and Infinity are no JSON


def without_nulls(value: Any) -> Any:
    """The same without null characters, which PostgreSQL takes in no text and no JSON."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    if isinstance(value, dict):
        return {name.replace("\x00", ""): without_nulls(each) for name, each in value.items()}
    return value


def texts_in(value: Any) -> Iterator[str]:
    """All texts in a value, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_in(each)
