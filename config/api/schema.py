"""What the OpenAPI document says beyond the views: how to authenticate, and what a refusal looks like."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem document. A refusal may carry more members, such as those of a budget.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {name: {"type": "string"} for name in ("field", "code", "detail")},
            },
        },
    },
}
ALWAYS = {"401": "No key, or one that is unknown, expired or revoked.", "403": "Not yours to do or to claim."}
BY_METHOD = {
    "get": {
        "422": "A parameter cannot be meant; `errors` names it.",
        "429": "Too many requests; see Retry-After.",
    },
    "delete": {"409": "Not in a state in which this can be done."},
    "patch": {
        "400": "The body is not JSON.",
        "409": "Not in a state in which this can be done.",
        "422": "A field cannot be meant; `errors` names it.",
        "429": "Too many requests; see Retry-After.",
    },
    "post": {
        "400": "The body is not JSON.",
        "402": "A budget cannot pay: budget, unit, limit, remaining, needed, resets_at.",
        "409": "Not in a state in which this can be done, or still running; see Retry-After.",
        "422": "A field cannot be meant; `errors` names it.",
        "429": "Too many requests; see Retry-After.",
        "503": "The ledger cannot be reached; see Retry-After.",
    },
}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer cw_...`."""

    target_class = "accounts.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer token."""
        return {"type": "http", "scheme": "bearer", "description": "An API key of a team: cw_..."}


class PersonScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The browser's session."""

    target_class = "accounts.api.authentication.PersonAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A session cookie; changes need the CSRF token too."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


def document_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add to every operation the refusals it can answer with, all of one form."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            refusals = (
                ALWAYS | BY_METHOD.get(method, {}) | ({"404": "Not there, or not yours to see."} if "{" in path else {})
            )
            for status, words in refusals.items():
                operation["responses"].setdefault(status, _problem_response(words))
            operation["tags"] = [path.removeprefix("/api/v1/").split("/")[0]]
    return result


def _problem_response(words: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": words, "content": content}
