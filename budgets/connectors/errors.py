"""How a delivery can fail. The words are shown to people, so they name no address, no secret and no body."""

from __future__ import annotations


class NotDelivered(Exception):
    """It did not arrive, as far as anybody knows. `status` is None where there was no answer.

    `retry_after_seconds` is what the receiver asked for; `is_gone`: it wants no more of them (410).
    """

    def __init__(
        self,
        words: str,
        *,
        status: int | None = None,
        retry_after_seconds: float | None = None,
        is_gone: bool = False,
    ):
        super().__init__(words)
        self.words = words
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        self.is_gone = is_gone
