"""From a response to an answer, or to the error that says what is wrong with it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from urllib3.exceptions import HTTPError

from climate.connectors.http.answer import Answer
from climate.connectors.http.errors import SourceError, SourceMisbehaved, SourceRefused, SourceUnavailable

PIECE_BYTES = 65_536
LONGEST_EXCERPT_BYTES = 4_000
TOO_SLOW = "the source did not answer in time"


def read(response: requests.Response, *, most_bytes: int, deadline: float, now: datetime) -> Answer:
    """The answer of status 200 or 304, read until `deadline` of the monotonic clock. Raises SourceError."""
    status = response.status_code
    if status not in (200, 304):
        raise _error(response, deadline, now)
    content = b"" if status == 304 else _content(response, most_bytes, deadline)
    return Answer(
        status=status, headers={name.lower(): value for name, value in response.headers.items()}, content=content
    )


def _content(response: requests.Response, most_bytes: int, deadline: float) -> bytes:
    content = bytearray()
    for piece in _pieces(response, deadline):
        content += piece
        if len(content) > most_bytes:
            raise SourceMisbehaved(f"the answer is larger than {most_bytes} bytes", status=response.status_code)
    return bytes(content)


def _pieces(response: requests.Response, deadline: float) -> Iterator[bytes]:
    """The decoded body as it arrives. `read1` returns what there is, so that a drip meets the deadline."""
    while piece := response.raw.read1(PIECE_BYTES, decode_content=True):
        yield piece
        if time.monotonic() > deadline:
            raise SourceUnavailable(TOO_SLOW)


def _error(response: requests.Response, deadline: float, now: datetime) -> SourceError:
    status, body = response.status_code, _excerpt(response, deadline)
    if status in (401, 403):
        return SourceRefused(f"the source answered {status}: it does not let us in", status=status, body=body)
    if status != 429 and status < 500:
        return SourceMisbehaved(f"the source answered {status}", status=status, body=body)
    seconds = _seconds(response.headers.get("Retry-After"), now=now)
    return SourceUnavailable(f"the source answered {status}", status=status, body=body, retry_after_seconds=seconds)


def _excerpt(response: requests.Response, deadline: float) -> str:
    """The beginning of the body of a refusal, as far as it comes: the status has said enough."""
    content = bytearray()
    with contextlib.suppress(HTTPError, SourceUnavailable, OSError):
        for piece in _pieces(response, deadline):
            content += piece
            if len(content) > LONGEST_EXCERPT_BYTES:
                break
    return bytes(content[:LONGEST_EXCERPT_BYTES]).decode("utf-8", errors="replace")


def _seconds(retry_after: str | None, *, now: datetime) -> float | None:
    """Seconds of a Retry-After header, which may also be a date; None if it says nothing."""
    if not retry_after:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
