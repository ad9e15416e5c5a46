"""What a provider's refusal means, and how its JSON is read: with suspicion."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from sessions_app.domain.gateway.strict_json import decoded, without_nulls
from sessions_app.domain.gateway.wire import Fault, UpstreamError

LONGEST_DETAIL_CHARACTERS = 500
LONGEST_WAIT_SECONDS = 86_400.0
LONG_BYTES = 500_000  # longer than this is read in a thread: the event loop must not wait for it
_ABOUT_THE_REQUEST = frozenset({400, 405, 406, 411, 413, 414, 415, 422, 431})
_ABOUT_US = frozenset({401, 402, 403, 404, 407, 410})
_TIMES_OUT = frozenset({408, 504, 524})

_STATUS_OF = {
    "overloaded_error": 529,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "RESOURCE_EXHAUSTED": 429,
    "api_error": 500,
    "server_error": 500,
    "timeout_error": 504,
    "DEADLINE_EXCEEDED": 504,
    "invalid_request_error": 400,
    "INVALID_ARGUMENT": 400,
    "request_too_large": 413,
    "authentication_error": 401,
    "UNAUTHENTICATED": 401,
    "permission_error": 403,
    "PERMISSION_DENIED": 403,
    "billing_error": 402,
    "not_found_error": 404,
    "NOT_FOUND": 404,
}
"""Names of errors, as the vendors list them, for errors that come inside of a stream: without a status."""


def fault_of(status: int, headers: Mapping[str, str], body: bytes, *, secret: str = "") -> UpstreamError:
    """The fault that a status other than 200 stands for. The provider's own words are kept of bad requests only,
    without the `secret` that was sent to it."""
    said = _read(body)
    wait = _wait_seconds(headers, said)
    if status == 429:
        words = "The provider has too many requests from us (429)."
        return UpstreamError(Fault.RATE_LIMITED, words, status=status, retry_after_seconds=wait)
    if status in _TIMES_OUT:
        return UpstreamError(Fault.TIMEOUT, f"The provider ran out of time ({status}).", status=status)
    if status >= 500 or status in (409, 425):
        words = f"The provider is not available ({status})."
        return UpstreamError(Fault.UNAVAILABLE, words, status=status, retry_after_seconds=wait)
    if status in _ABOUT_US or _is_about_our_key(said):
        words = f"The provider refuses our key, or does not know the model ({status})."
        return UpstreamError(Fault.REFUSED, words, status=status)
    if status in _ABOUT_THE_REQUEST:
        words = f"The provider refuses the request ({status})."
        return UpstreamError(Fault.BAD_REQUEST, words, status=status, detail=_message(said, secret))
    words = f"The provider redirects ({status})." if 300 <= status < 400 else f"The provider answered {status}."
    return UpstreamError(Fault.MALFORMED, words, status=status)


def fault_of_event(error: Any, *, secret: str) -> UpstreamError:
    """The fault that an error inside of a stream stands for: by its number, or by the name of its kind."""
    said = error if isinstance(error, Mapping) else {"message": error}
    names = {str(said.get(name)) for name in ("type", "code", "status")}
    numbers = [each for each in (said.get("code"), said.get("status_code")) if isinstance(each, int)]
    status = next((_STATUS_OF[name] for name in sorted(names) if name in _STATUS_OF), None)
    body = json.dumps({"error": said}).encode()
    return fault_of(status or next((each for each in numbers if 400 <= each < 600), 500), {}, body, secret=secret)


async def parsed_json(body: bytes) -> Any:
    """A JSON object. Raises UpstreamError with Fault.MALFORMED."""
    return await asyncio.to_thread(object_of, body) if len(body) > LONG_BYTES else object_of(body)


def object_of(body: bytes) -> dict[str, Any]:
    """A JSON object that can be written and stored again, without null characters. Raises UpstreamError (MALFORMED)."""
    try:
        found = decoded(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise UpstreamError(Fault.MALFORMED, f"The provider's answer is no good: it is {error}.") from None
    if not isinstance(found, dict):
        raise UpstreamError(Fault.MALFORMED, "The provider's answer is no JSON object.")
    return without_nulls(found) if b"\\u0000" in body else found


def _read(body: bytes) -> Mapping[str, Any]:
    """The `error` of an answer, if it is one as all providers write it; empty otherwise."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    found = found[0] if isinstance(found, list) and found else found  # Gemini wraps some in a list
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(error, str):  # Ollama
        return {"message": error}
    return error if isinstance(error, dict) else {}


def _message(said: Mapping[str, Any], secret: str) -> str:
    message = said.get("message")
    if not isinstance(message, str):
        return ""
    told = message.encode("utf-8", "replace").decode().replace("\x00", "")
    return (told.replace(secret, "…") if secret else told)[:LONGEST_DETAIL_CHARACTERS]


def _is_about_our_key(said: Mapping[str, Any]) -> bool:
    """Gemini answers 400 to a wrong key."""
    return any(each.get("reason") == "API_KEY_INVALID" for each in _details(said))


def _details(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = said.get("details")
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []


def _wait_seconds(headers: Mapping[str, str], said: Mapping[str, Any]) -> float | None:
    """How long the provider wants us to wait: by either header, or in the body as Gemini has it. None: not said."""
    precise = _number(headers.get("retry-after-ms"))
    seconds = precise / 1000 if precise is not None else _number(headers.get("Retry-After"))
    if seconds is None:
        seconds = _until(headers.get("Retry-After"), headers.get("Date"))
    if seconds is None:
        delays = (re.fullmatch(r"([0-9.]+)s", str(each.get("retryDelay", ""))) for each in _details(said))
        seconds = next((_number(delay[1]) for delay in delays if delay), None)
    return None if seconds is None else min(max(0.0, seconds), LONGEST_WAIT_SECONDS)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _until(retry_after: str | None, date: str | None) -> float | None:
    """Seconds until a date, by the provider's own clock."""
    try:
        return (_at(retry_after) - _at(date)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None


def _at(text: str | None) -> datetime:
    at = parsedate_to_datetime(text or "")
    return at if at.tzinfo else at.replace(tzinfo=UTC)
