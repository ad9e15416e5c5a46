"""What a service says when it refuses. Doors translate these; services never think in HTTP."""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """A refusal with a stable `code`, words for a person and facts for a program.

    `field` names the input at fault, where one is. `facts` are plain JSON values that the
    API adds to its problem document (RFC 9457 extension members); `headers` go beside it.
    """

    code = "refused"

    def __init__(
        self,
        detail: str,
        *,
        field: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
        **facts: Any,
    ):
        super().__init__(detail)
        self.headers = headers or {}
        self.detail = detail
        self.field = field
        self.code = code or type(self).code
        self.facts = facts


class InvalidInput(DomainError):
    """Well-formed, but not something that can be done."""

    code = "invalid"


class NotAllowed(DomainError):
    """The caller is known and may not do this."""

    code = "not_allowed"


class NotFound(DomainError):
    """Nothing by that name that the caller may see."""

    code = "not_found"


class Conflict(DomainError):
    """The thing is not in a state in which this can be done."""

    code = "conflict"


class StillRunning(Conflict):
    """The same work is under way; ask again after `retry_after_seconds`."""

    code = "still_running"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1, **facts: Any):
        super().__init__(detail, **facts)
        self.retry_after_seconds = retry_after_seconds


class Exhausted(DomainError):
    """A budget cannot pay. Only another limit, period or a release changes that."""

    code = "budget_exhausted"


class Unavailable(DomainError):
    """Something this needs is down; the caller loses nothing by asking again later."""

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after_seconds: int = 5, **facts: Any):
        super().__init__(detail, **facts)
        self.retry_after_seconds = retry_after_seconds
