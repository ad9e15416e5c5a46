"""One exception handler: every refusal of the API is an RFC 9457 problem document."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from config.kernel import errors

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
STATUS_OF: list[tuple[type[errors.DomainError], HTTPStatus]] = [
    (errors.InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.NotAllowed, HTTPStatus.FORBIDDEN),
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.Exhausted, HTTPStatus.PAYMENT_REQUIRED),
    (errors.Conflict, HTTPStatus.CONFLICT),
    (errors.Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
]


def problem_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Translate a refusal into its status and problem document; None lets Django answer 500."""
    if isinstance(exc, errors.DomainError):
        response = _of_domain_error(exc)
    elif isinstance(exc, Http404):
        response = problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here by that name.")
    elif isinstance(exc, PermissionDenied):
        response = problem(HTTPStatus.FORBIDDEN, "not_allowed", "You may not do this.")
    elif isinstance(exc, exceptions.ValidationError):
        response = _of_validation(exc)
    elif isinstance(exc, exceptions.APIException):
        response = _of_api_exception(exc)
    elif isinstance(exc, SuspiciousOperation):
        response = problem(HTTPStatus.BAD_REQUEST, "bad_request", "This request is too large or malformed.")
    elif isinstance(exc, OperationalError):
        # The ledger is the authority: without it nothing is granted.
        logger.exception("database unavailable")
        response = problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "The ledger cannot be reached; nothing was changed."
        )
        response["Retry-After"] = "5"
    else:
        return None
    set_rollback()
    return response


def problem(status: HTTPStatus, code: str, detail: str, **members: Any) -> Response:
    """A problem document; `members` are RFC 9457 extension members."""
    body = {
        "type": f"urn:commonwatt:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
    }
    return Response({**body, **members}, status=status, content_type=CONTENT_TYPE)


def nothing_here(request: HttpRequest) -> HttpResponse:
    """The answer for an address of the API that is no door: a problem document, not a page.

    Also for one without its closing slash: a redirect would lose the body of a POST.
    """
    hint = "" if request.path.endswith("/") else " Addresses end with a slash."
    answer = problem(HTTPStatus.NOT_FOUND, "not_found", f"There is nothing at this address.{hint}")
    return HttpResponse(json.dumps(answer.data), status=answer.status_code, content_type=CONTENT_TYPE)


def _of_domain_error(exc: errors.DomainError) -> Response:
    status = next((status for kind, status in STATUS_OF if isinstance(exc, kind)), HTTPStatus.BAD_REQUEST)
    members = dict(exc.facts)
    if exc.field:
        members["errors"] = [{"field": exc.field, "code": exc.code, "detail": exc.detail}]
    response = problem(status, exc.code, exc.detail, **members)
    for name, value in exc.headers.items():
        response[name] = value
    if retry_after := getattr(exc, "retry_after_seconds", None):
        response["Retry-After"] = str(retry_after)
    return response


def _of_validation(exc: exceptions.ValidationError) -> Response:
    found = [{"field": field, "code": detail.code, "detail": str(detail)} for field, detail in _flatten(exc.detail)]
    words = "; ".join(f"{each['field']}: {each['detail']}" for each in found)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", words, errors=found)


def _of_api_exception(exc: exceptions.APIException) -> Response:
    status = HTTPStatus(exc.status_code)
    code = exc.get_codes()
    response = problem(status, code if isinstance(code, str) else "refused", str(exc.detail))
    if header := getattr(exc, "auth_header", None):
        response["WWW-Authenticate"] = header
    if wait := getattr(exc, "wait", None):
        response["Retry-After"] = str(int(wait) + 1)
    return response


def _flatten(detail: Any, path: str = "") -> Iterator[tuple[str, exceptions.ErrorDetail]]:
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from _flatten(value, f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            is_leaf = isinstance(value, exceptions.ErrorDetail)
            yield from _flatten(value, path if is_leaf else f"{path}[{index}]")
    else:
        yield path or "non_field_errors", detail
