"""Small checks of values in OpenAI's format. Each raises InvalidInput that names the parameter."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from config.kernel.errors import InvalidInput
from sessions_app.domain.gateway.strict_json import decoded, texts_in


def read_object(content: bytes) -> dict[str, Any]:
    """The body's object. Raises InvalidInput for what is no JSON, or could not be sent on."""
    try:
        body = decoded(content)
    except ValueError as error:
        raise InvalidInput(f"The body is {error}.", code="invalid_json") from error
    if not isinstance(body, dict):
        raise InvalidInput("The body is not a JSON object.", code="invalid_json")
    return body


def wrong(param: str, words: str, *, code: str = "invalid_value") -> InvalidInput:
    """A refusal that names the parameter."""
    return InvalidInput(f"'{param}' {words}", field=param, code=code)


def text(value: Any, param: str, *, most: int, least: int = 1) -> str:
    """A string of `least` to `most` characters."""
    if not isinstance(value, str):
        raise wrong(param, "must be a string.", code="invalid_type")
    if not least <= len(value) <= most:
        raise wrong(param, f"must have {least} to {most} characters.")
    if "\x00" in value:
        raise wrong(param, "must not hold a null character.")
    return value


def whole(value: Any, param: str, lowest: int, highest: int) -> int:
    """An integer within bounds."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(param, "must be an integer.", code="invalid_type")
    if not lowest <= value <= highest:
        raise wrong(param, f"must be between {lowest} and {highest}.")
    return value


def number(value: Any, param: str, lowest: float, highest: float) -> float:
    """A number within bounds."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong(param, "must be a number.", code="invalid_type")
    if not (lowest <= value <= highest) or (isinstance(value, float) and not math.isfinite(value)):
        raise wrong(param, f"must be between {lowest:g} and {highest:g}.")
    return value


def flag(value: Any, param: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(param, "must be true or false.", code="invalid_type")
    return value


def one_of(value: Any, param: str, choices: Collection[str]) -> str:
    """A word out of several."""
    if not isinstance(value, str):
        raise wrong(param, "must be a string.", code="invalid_type")
    if value not in choices:
        raise wrong(param, f"must be one of {', '.join(sorted(choices))}.")
    return value


def mapping(value: Any, param: str) -> Mapping[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise wrong(param, "must be an object.", code="invalid_type")
    return value


def passed_on(value: Any, param: str) -> Mapping[str, Any]:
    """An object that is sent on as it is, without null characters: no database takes those."""
    found = mapping(value, param)
    if any("\x00" in each for each in texts_in(found)):
        raise wrong(param, "must not hold a null character.")
    return found


def items(value: Any, param: str, *, most: int, least: int = 1) -> list[Any]:
    """An array of `least` to `most` items."""
    if not isinstance(value, list):
        raise wrong(param, "must be an array.", code="invalid_type")
    if len(value) < least:
        raise wrong(param, f"must have at least {least} item{'s' if least > 1 else ''}.")
    if len(value) > most:
        raise wrong(param, f"must have at most {most} items.")
    return value


def known(body: Mapping[str, Any], param: str, names: Collection[str]) -> None:
    """Nothing in an object but what is known."""
    for name in body:
        if name not in names:
            path = f"{param}.{name}" if param else str(name)
            raise wrong(path[:200], "is not a parameter that is known here.", code="unknown_parameter")
