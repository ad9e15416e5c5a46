"""From a response to an answer, or to the error that says what is wrong with it."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from urllib3.exceptions import HTTPError

from climate.connectors.http.answer import Answer
from climate.connectors.http.errors import SourceError, SourceMisbehaved, SourceRefused, SourceUnavailable
from climate.connectors.http.transport import Watch

PIECE_BYTES = 65_536
LONGEST_EXCERPT_BYTES = 4_000
MOST_BYTES_OF_REFUSAL = 65_536
GZIP = 16
"""What zlib calls the format of gzip."""
TOO_SLOW = "the source did not answer in time"


def read(response: requests.Response, *, most_bytes: int, watch: Watch, now: datetime) -> Answer:
    """The answer of status 200 or 304, read while `watch` lets it. Raises SourceError."""
    status = response.status_code
    if status not in (200, 304):
        raise _error(response, watch, now)
    content = b"" if status == 304 else _content(response, most_bytes, watch)
    _check_time(watch)
    return Answer(
        status=status, headers={name.lower(): value for name, value in response.headers.items()}, content=content
    )


def _content(response: requests.Response, most_bytes: int, watch: Watch) -> bytes:
    content = bytearray()
    for piece in _pieces(response, most_bytes, watch):
        content += piece
        _check_size(len(content), most_bytes)
    return bytes(content)


def _check_size(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise SourceMisbehaved(f"the answer is larger than {most_bytes} bytes", status=200)


def _check_time(watch: Watch) -> None:
    if watch.is_over:  # then the connection was shut, which looks like the end of the answer
        raise SourceUnavailable(TOO_SLOW)


def _pieces(response: requests.Response, most_bytes: int, watch: Watch) -> Iterator[bytes]:
    """The body as it arrives, unpacked here: urllib3 reads on until something comes out, however long that is."""
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    arrived = _arrived(response, most_bytes, watch)
    if packing in ("", "identity"):
        return arrived
    if packing not in ("gzip", "x-gzip"):
        raise SourceMisbehaved("the answer is packed in a way that was not asked for", status=response.status_code)
    return _unpacked(arrived, watch)


def _arrived(response: requests.Response, most_bytes: int, watch: Watch) -> Iterator[bytes]:
    """The bytes on the wire, of which there may be no more than of the unpacked ones."""
    size = 0
    while True:
        piece = response.raw.read1(PIECE_BYTES, decode_content=False)
        _check_time(watch)
        if not piece:
            return
        size += len(piece)
        _check_size(size, most_bytes)
        yield piece


def _unpacked(arrived: Iterator[bytes], watch: Watch) -> Iterator[bytes]:
    """What was packed with gzip, in as many members as it likes, a piece at a time."""
    unpack = zlib.decompressobj(zlib.MAX_WBITS | GZIP)
    for packed in arrived:
        while packed:
            if unpack.eof:
                unpack = zlib.decompressobj(zlib.MAX_WBITS | GZIP)
            try:
                yield unpack.decompress(packed, PIECE_BYTES)
            except zlib.error:
                raise SourceMisbehaved("the answer cannot be unpacked", status=200) from None
            packed = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
            _check_time(watch)
    if not unpack.eof:
        raise SourceUnavailable("the answer broke off")


def _error(response: requests.Response, watch: Watch, now: datetime) -> SourceError:
    status, body = response.status_code, _excerpt(response, watch)
    if status in (401, 403):
        return SourceRefused(f"the source answered {status}: it does not let us in", status=status, body=body)
    if status != 429 and status < 500:
        return SourceMisbehaved(f"the source answered {status}", status=status, body=body)
    seconds = _seconds(response.headers.get("Retry-After"), now=now)
    return SourceUnavailable(f"the source answered {status}", status=status, body=body, retry_after_seconds=seconds)


def _excerpt(response: requests.Response, watch: Watch) -> str:
    """The beginning of the body of a refusal, as far as it comes: the status has said enough."""
    content = bytearray()
    with contextlib.suppress(HTTPError, SourceError, OSError):
        for piece in _pieces(response, MOST_BYTES_OF_REFUSAL, watch):
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
    except (ValueError, OverflowError):  # the latter of an offset that no zone has
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
