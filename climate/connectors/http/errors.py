"""How asking a source can fail. The words are shown to people, so they name no address, no key and no body."""

from __future__ import annotations


class SourceError(Exception):
    """A source could not be used.

    `status` is its HTTP status, None where there was no answer. `body` is the beginning of its answer, for a
    connector that must tell two refusals apart; it is never shown or logged.
    """

    def __init__(self, words: str, *, status: int | None = None, body: str = ""):
        super().__init__(words)
        self.status = status
        self.body = body


class SourceUnavailable(SourceError):
    """Timed out, overloaded or broken for the moment; worth another try."""

    def __init__(
        self, words: str, *, status: int | None = None, body: str = "", retry_after_seconds: float | None = None
    ):
        super().__init__(words, status=status, body=body)
        self.retry_after_seconds = retry_after_seconds


class SourceLimitReached(SourceUnavailable):
    """We have asked as often as we may in this hour. The source has done nothing wrong."""


class SourceRefused(SourceError):
    """The source does not let us in (401, 403). Asking again changes nothing."""


class SourceMisbehaved(SourceError):
    """An answer that is not what the source promises: another format, another host, another size."""
