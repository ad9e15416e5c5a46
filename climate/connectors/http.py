"""Asking an outside source: bounded in time, size, tries and hosts."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

CONNECT_SECONDS = 5
READ_SECONDS = 15
LARGEST_ANSWER_BYTES = 5_000_000
MOST_REDIRECTS = 3
MOST_TRIES = 3
LONGEST_WAIT_SECONDS = 10.0
USER_AGENT = "commonwatt/0.1 (climate-aware allocation of AI capacity)"


class SourceError(Exception):
    """A source could not be used. The words are shown to people, so they name no secret."""


class SourceUnavailable(SourceError):
    """Timed out, overloaded or broken for the moment; worth another try."""

    def __init__(self, words: str, *, retry_after_seconds: float | None = None):
        super().__init__(words)
        self.retry_after_seconds = retry_after_seconds


class SourceRefused(SourceError):
    """The source does not let us in (401, 403). Asking again changes nothing."""


class SourceMisbehaved(SourceError):
    """An answer that is not what the source promises: another format, another host, another size."""


class SourceHttp:
    """GETs JSON of one source. `base_url` and `allowed_hosts` come from the deployment's settings."""

    def __init__(self, base_url: str, *, allowed_hosts: Collection[str], first_wait_seconds: float = 0.5):
        self._base_url = base_url.rstrip("/")
        self._allowed_hosts = frozenset(allowed_hosts)
        self._first_wait_seconds = first_wait_seconds
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT

    def get_json(self, path: str, **params: str) -> Any:
        """The parsed answer. Retries what may pass; raises SourceError with the last reason."""
        retrying = Retrying(
            retry=retry_if_exception_type(SourceUnavailable),
            stop=stop_after_attempt(MOST_TRIES),
            wait=self._wait_seconds,
            reraise=True,
        )
        return retrying(self._get_once, f"{self._base_url}{path}", params)

    def _wait_seconds(self, state: RetryCallState) -> float:
        """What the source asked for, else doubling with jitter; never so long that a worker hangs on it."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_seconds if isinstance(error, SourceUnavailable) else None
        if asked is not None:
            return min(asked, LONGEST_WAIT_SECONDS)
        doubling = wait_exponential_jitter(multiplier=self._first_wait_seconds, jitter=self._first_wait_seconds)
        return min(doubling(state), LONGEST_WAIT_SECONDS)

    def _get_once(self, url: str, params: dict[str, str]) -> Any:
        for _ in range(MOST_REDIRECTS + 1):
            self._check(url)
            try:
                # Redirects are followed by hand: each target must be an allowed host.
                with self._session.get(
                    url, params=params, timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False, stream=True
                ) as response:
                    if not response.is_redirect:
                        return _json_of(response)
                    url, params = urljoin(url, response.headers["Location"]), {}
            except requests.RequestException as error:
                raise SourceUnavailable(_words(error)) from error
        raise SourceMisbehaved(f"more than {MOST_REDIRECTS} redirects")

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise SourceMisbehaved(f"refused to follow an address that begins with {parts.scheme}:")
        if parts.netloc not in self._allowed_hosts:
            raise SourceMisbehaved(f"refused to ask {parts.hostname}: it is not a configured host")


def host_of(url: str) -> str:
    """Host and port of a configured address, as SourceHttp compares them."""
    return urlsplit(url).netloc


def _json_of(response: requests.Response) -> Any:
    status = response.status_code
    if status in (401, 403):
        raise SourceRefused(f"the source answered {status}: it does not let us in")
    if status == 429 or status >= 500:
        raise SourceUnavailable(
            f"the source answered {status}", retry_after_seconds=_seconds(response.headers.get("Retry-After"))
        )
    if status != 200:
        raise SourceMisbehaved(f"the source answered {status}")
    content = response.raw.read(LARGEST_ANSWER_BYTES + 1, decode_content=True)
    if len(content) > LARGEST_ANSWER_BYTES:
        raise SourceMisbehaved(f"the answer is larger than {LARGEST_ANSWER_BYTES} bytes")
    try:
        return json.loads(content)
    except ValueError as error:
        raise SourceMisbehaved("the answer is not JSON") from error


def _seconds(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header, which may also be a date; None if it says nothing."""
    if not retry_after:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _words(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "the source did not answer in time"
    return f"the source cannot be reached ({type(error).__name__})"
