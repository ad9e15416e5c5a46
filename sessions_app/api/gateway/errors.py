"""Refusals in OpenAI's envelope: `{"error": {"message", "type", "param", "code", ...}}`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from config.kernel import errors

STATUS_OF: tuple[tuple[type[errors.DomainError], int], ...] = (
    (errors.InvalidInput, 400),
    (errors.NotAllowed, 403),
    (errors.NotFound, 404),
    (errors.StillRunning, 409),
    (errors.Conflict, 409),
    (errors.Exhausted, 402),
    (errors.Unavailable, 503),
)
STATUS_OF_CODE = {
    "missing_key": 401,
    "bad_key": 401,
    "key_reused": 422,
    "rate_limit_exceeded": 429,
    "upstream_rate_limited": 429,
    "deadline": 504,
    "method_not_allowed": 405,
    "too_slow": 408,
    "too_large": 413,
    "https_needed": 403,
}
TYPE_OF_STATUS = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
}

HEADER_OF_FIELD = {
    "purpose": "X-Commonwatt-Purpose",
    "origin": "X-Commonwatt-Origin",
    "residency": "X-Commonwatt-Residency",
}
"""What is a field elsewhere and a header here."""

HEADER_OF_FACT = {"call": "X-Commonwatt-Call", "request": "X-Commonwatt-Request"}
"""Facts that also stand in a header, as those of an answer do."""


def status_of(error: errors.DomainError) -> int:
    """The HTTP status of a refusal."""
    if error.code in STATUS_OF_CODE:
        return STATUS_OF_CODE[error.code]
    return next((status for kind, status in STATUS_OF if isinstance(error, kind)), 400)


def envelope_of(error: errors.DomainError) -> tuple[int, Mapping[str, str], dict[str, Any]]:
    """Status, headers and body. The facts of the refusal (of a budget: what is left) stand beside the usual members."""
    status = status_of(error)
    default = "invalid_request_error" if status < 500 else "server_error"
    body = {
        **error.facts,
        "message": error.detail,
        "type": TYPE_OF_STATUS.get(status, default),
        "param": HEADER_OF_FIELD.get(error.field or "", error.field),
        "code": error.code,
    }
    stored = {header: str(error.facts[name]) for name, header in HEADER_OF_FACT.items() if name in error.facts}
    headers = {**error.headers, **stored}
    if (seconds := getattr(error, "retry_after_seconds", None)) is not None:
        headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="commonwatt"'
    # The official clients repeat 409, 429 and all from 500 on by themselves. What took its whole time is not worth it.
    if error.code == "deadline":
        headers["X-Should-Retry"] = "false"
    return status, headers, {"error": body}
