"""GETs of one source."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from climate.connectors.http.addresses import check_address, origin_of
from climate.connectors.http.answer import Answer
from climate.connectors.http.errors import SourceError, SourceLimitReached, SourceMisbehaved, SourceUnavailable
from climate.connectors.http.limits import LIMITS, Limits
from climate.connectors.http.memory import Memory, NoMemory, Remembered
from climate.connectors.http.question import Params, Question
from climate.connectors.http.reading import TOO_SLOW, read
from climate.connectors.http.transport import Watch, watched_session


class SourceHttp:
    """Asks one source. `base_url` and `allowed_hosts` come from the deployment's settings, `memory` from services.

    `requests_left` of this hour; None: nobody counts. Afterwards `requests_made` says how many there were, and
    `not_before` until when the source asked us to wait, if it did.
    """

    def __init__(
        self,
        base_url: str,
        *,
        allowed_hosts: Collection[str],
        limits: Limits = LIMITS,
        memory: Memory | None = None,
        now: datetime | None = None,
        requests_left: int | None = None,
    ):
        self.requests_made = 0
        self._answers = 0
        self._unanswered = 0
        self.not_before: datetime | None = None
        self._base_url = base_url.rstrip("/")
        self._allowed_hosts = frozenset(host.strip().lower() for host in allowed_hosts)
        self._limits = limits
        self._memory: Memory = memory or NoMemory()
        self._requests_left = requests_left
        self._began_at = now or datetime.now(UTC)
        self._began = time.monotonic()
        self._watch = Watch()
        self._session = watched_session(self._watch)

    def __enter__(self) -> SourceHttp:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    def get(
        self,
        path: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        fresh_until: datetime | None = None,
    ) -> Answer:
        """The answer to a GET of a path below the base address, or of an address on an allowed host.

        `fresh_until`: when the answer can change at the earliest; until then it is not asked for again.
        Retries what may pass; raises SourceError with the last reason.
        """
        url = path if path.startswith(("http://", "https://")) else f"{self._base_url}{path}"
        question = Question(url=url, params=params or {}, headers=headers or {}, auth=auth)
        self._check_keys(question)
        known = self._memory.recall(question.text)
        if known and known.fresh_until and known.fresh_until > self._now():
            return self._remembered(question, known)
        answer = self._answered(question.conditional(known))
        if answer.status == 304:
            return self._unchanged(question, known, fresh_until)
        return self._new(question, answer, fresh_until)

    def get_json(self, path: str, *, fresh_until: datetime | None = None, **params: str) -> Any:
        """The parsed answer to `get`."""
        return self.get(path, params=params, fresh_until=fresh_until).json()

    @property
    def is_silent(self) -> bool:
        """Whether whatever was really asked stayed without an answer. What is remembered does not count as one."""
        return self._unanswered > 0 and self._answers == 0

    # --- what was answered before ---------------------------------------------------------------

    def _remembered(self, question: Question, known: Remembered) -> Answer:
        return Answer(status=200, headers={}, content=known.content, disown=lambda: self._memory.forget(question.text))

    def _unchanged(self, question: Question, known: Remembered | None, fresh_until: datetime | None) -> Answer:
        if known is None:
            raise SourceMisbehaved("the source answered 304 though nothing is known of it", status=304)
        self._memory.remember(question.text, replace(known, fresh_until=fresh_until))
        return self._remembered(question, known)

    def _new(self, question: Question, answer: Answer, fresh_until: datetime | None) -> Answer:
        kept = Remembered(
            content=answer.content,
            etag=answer.headers.get("etag", ""),
            last_modified=answer.headers.get("last-modified", ""),
            fresh_until=fresh_until,
        )
        if not kept.has_validators and fresh_until is None:
            return answer
        self._memory.remember(question.text, kept)
        return replace(answer, disown=lambda: self._memory.forget(question.text))

    # --- one try after the other ------------------------------------------------------------------

    def _answered(self, question: Question) -> Answer:
        try:
            answer = self._retrying()(self._heedful, question)
        except SourceUnavailable:
            self._unanswered += 1
            raise
        except SourceError:
            self._answers += 1  # it is there, though it did not give what was asked for
            raise
        self._answers += 1
        return answer

    def _retrying(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception(self._may_pass),
            stop=stop_after_attempt(self._limits.tries),
            wait=self._wait_seconds,
            reraise=True,
        )

    def _may_pass(self, error: BaseException) -> bool:
        """Whether to try again in a moment: not once the source asked for a long pause, nor with no time left."""
        if not isinstance(error, SourceUnavailable) or isinstance(error, SourceLimitReached):
            return False
        return not self._is_long(error.retry_after_seconds) and self._seconds_left() > 0

    def _is_long(self, seconds: float | None) -> bool:
        return seconds is not None and seconds > self._limits.longest_wait_seconds

    def _wait_seconds(self, state: RetryCallState) -> float:
        """What the source asked for, else doubling with jitter; never so long that a worker hangs on it."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_seconds if isinstance(error, SourceUnavailable) else None
        if asked is not None:
            return min(asked, self._limits.longest_wait_seconds)
        first = self._limits.first_wait_seconds
        return min(wait_exponential_jitter(multiplier=first, jitter=first)(state), self._limits.longest_wait_seconds)

    def _heedful(self, question: Question) -> Answer:
        """A long pause that the source asks for ends all asking, of other questions too."""
        try:
            return self._ask(question)
        except SourceUnavailable as error:
            if error.retry_after_seconds is None or not self._is_long(error.retry_after_seconds):
                raise
            pause = min(error.retry_after_seconds, self._limits.longest_not_before_seconds)
            self.not_before = self.not_before or self._now() + timedelta(seconds=pause)
            raise self._wait_for(self.not_before, status=error.status, body=error.body) from None

    def _ask(self, question: Question) -> Answer:
        """Redirects are followed by hand: each target must be an allowed host."""
        with self._watch.during(min(self._limits.answer_seconds, self._seconds_left())):
            return self._follow(question)

    def _follow(self, question: Question) -> Answer:
        must_be_https = self._base_url.startswith("https:")
        for _ in range(self._limits.redirects + 1):
            check_address(question.url, allowed_hosts=self._allowed_hosts, must_be_https=must_be_https)
            self._count()
            with self._send(question) as response:
                if not response.is_redirect:
                    most = self._limits.answer_bytes
                    return read(response, most_bytes=most, watch=self._watch, now=self._now())
                question = question.moved_to(response.headers["Location"])
        raise SourceMisbehaved(f"more than {self._limits.redirects} redirects")

    def _count(self) -> None:
        if self.not_before is not None:
            raise self._wait_for(self.not_before)
        if self._seconds_left() <= 0:
            raise SourceUnavailable(f"asking took longer than {self._limits.asking_seconds:.0f} seconds")
        if self._requests_left is not None and self.requests_made >= self._requests_left:
            raise SourceLimitReached("as many requests as are allowed in an hour have been made")
        self.requests_made += 1

    def _wait_for(self, moment: datetime, *, status: int | None = None, body: str = "") -> SourceUnavailable:
        answered = f"the source answered {status} and" if status else "the source"
        return SourceUnavailable(
            f"{answered} asks us to wait until {moment:%Y-%m-%d %H:%M} UTC",
            status=status,
            body=body,
            retry_after_seconds=max(0.0, (moment - self._now()).total_seconds()),
        )

    @contextmanager
    def _send(self, question: Question) -> Iterator[requests.Response]:
        try:
            with self._session.get(
                question.url,
                params=question.params,
                headers=question.headers,
                auth=question.auth,
                timeout=(self._limits.connect_seconds, self._limits.read_seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                yield response
        # The causes are left out: their words hold the address, and an address may hold a key.
        except (requests.Timeout, ReadTimeoutError):
            raise SourceUnavailable(TOO_SLOW) from None
        except (requests.RequestException, HTTPError) as error:
            if self._watch.is_over:
                raise SourceUnavailable(TOO_SLOW) from None
            raise _unread(error) from None

    # --- keys and clock -----------------------------------------------------------------------------

    def _check_keys(self, question: Question) -> None:
        """An address may come out of an answer: no key goes to another origin than the configured one."""
        if question.has_key and origin_of(question.url) != origin_of(self._base_url):
            raise SourceMisbehaved("refused to send a key to another host than the configured one")

    def _now(self) -> datetime:
        return self._began_at + timedelta(seconds=time.monotonic() - self._began)

    def _seconds_left(self) -> float:
        return self._limits.asking_seconds - (time.monotonic() - self._began)


def _unread(error: Exception) -> SourceError:
    """What is wrong with an answer that could not be read."""
    if isinstance(error, requests.exceptions.InvalidURL):
        return SourceMisbehaved("refused to follow an address that is none")
    if isinstance(error, ProtocolError):
        return SourceUnavailable("the answer broke off")
    return SourceUnavailable(f"the source cannot be reached ({type(error).__name__})")
