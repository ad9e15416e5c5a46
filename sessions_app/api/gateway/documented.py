"""`/v1` in the OpenAPI document. It is no view of Django REST framework, so its paths are written down here.

The bodies are OpenAI's: only what every call has is spelt out, the rest is in OpenAI's own reference.
"""

from __future__ import annotations

from typing import Any

TAG = "gateway"
CALL_HEADERS = {
    "X-Commonwatt-Purpose": "For what; else the session's purpose, or the policy's.",
    "X-Commonwatt-Origin": "For which country (ISO 3166-1); else the team's.",
    "X-Commonwatt-Budget": "The id of the budget that pays; else the session's, else the team's.",
    "X-Commonwatt-Session": "The id of the session that hears of the call.",
    "X-Commonwatt-Agent": "Who of the session calls.",
    "X-Commonwatt-Latest": "The deadline of the call: a time with its offset.",
    "X-Commonwatt-Mode": "express, council or auto.",
    "X-Commonwatt-Residency": "Countries that the text may go to, as DE,FR.",
    "X-Commonwatt-Latency-Class": "interactive, regional or anywhere.",
    "Idempotency-Key": "The same call twice is answered once.",
}
ANSWER_HEADERS = {
    "X-Commonwatt-Call": "The call: /api/v1/gateway/calls/{id}/.",
    "X-Commonwatt-Request": "The request that paid for it: /api/v1/requests/{id}/.",
    "X-Commonwatt-Region": "Where it ran.",
    "X-Commonwatt-Deployment": "Who served it.",
    "X-Commonwatt-Carbon-G": "g CO2e, location-based, central.",
    "X-Commonwatt-Cost-Usd": "US$.",
    "X-Commonwatt-Figures": "settled: what was used; granted: what is held.",
    "X-Commonwatt-Budget-Remaining": "What the budget that paid has left.",
    "X-Commonwatt-Budget-Unit": "In this unit.",
    "X-Commonwatt-Max-Tokens": "The bound of the answer, where we chose or lowered it.",
    "X-Commonwatt-Fallback": "The step that answered, if it was not the first.",
    "X-Commonwatt-Round": "The round of the council that answered. Its many requests stand in no headers: -Request, "
    "-Region and -Deployment are missing.",
    "X-Commonwatt-Shortened": "true: the council was sent less than what you asked; it did not fit.",
}
REFUSAL_HEADERS = {
    "X-Commonwatt-Call": "The call, where one was stored: /api/v1/gateway/calls/{id}/.",
    "X-Commonwatt-Request": "Its request, where one was decided: /api/v1/requests/{id}/explain/.",
}
"""Of what was refused once its call was stored."""
STORED = ("400", "402", "429", "503", "504")
"""Refusals whose call may be stored."""
REFUSALS = {
    "400": "A parameter or header cannot be meant; `param` names it.",
    "401": "No key, or one that is unknown, expired or revoked.",
    "402": "A budget cannot pay; what it has left stands in the error.",
    "403": "Not yours to do or to claim.",
    "404": "No model has this name.",
    "409": "An earlier call with this Idempotency-Key is still running; see Retry-After.",
    "422": "Another call had this Idempotency-Key.",
    "429": "Too many calls, or the provider says so; see Retry-After.",
    "503": "No deployment can answer now, or the ledger cannot be reached; see Retry-After.",
    "504": "Nobody answered before the deadline.",
}
OF_A_LOOK = ("401", "403", "429", "503")
ERROR = {
    "type": "object",
    "description": "OpenAI's envelope. A refusal may carry more members, such as those of a budget.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": "string", "nullable": True},
                "code": {"type": "string", "nullable": True},
            },
        }
    },
}
MESSAGES = {"type": "array", "minItems": 1, "items": {"type": "object"}}
CHAT = {
    "type": "object",
    "description": "OpenAI's chat completion: tools, images, response_format, stop and the like stand beside these.",
    "required": ["model", "messages"],
    "properties": {
        "model": {"type": "string"},
        "messages": MESSAGES,
        "max_tokens": {"type": "integer", "minimum": 1},
        "stream": {"type": "boolean", "default": False},
    },
    "example": {"model": "echo", "messages": [{"role": "user", "content": "Hello"}]},
}
TEXTS = {"oneOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {}}]}
EMBEDDINGS = {
    "type": "object",
    "required": ["model", "input"],
    "properties": {
        "model": {"type": "string"},
        "input": TEXTS,
        "dimensions": {"type": "integer", "minimum": 1},
        "encoding_format": {"type": "string", "enum": ["float", "base64"]},
    },
    "example": {"model": "echo-embedding", "input": "Hello"},
}
OBJECT: dict[str, Any] = {"type": "object", "description": "As OpenAI's."}


def document_gateway(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add the doors of `/v1` to the document."""
    result["components"].setdefault("schemas", {})["GatewayError"] = ERROR
    chat = _operation("chat_completion", "A chat completion, whole or streamed", body=CHAT)
    chat["responses"]["200"]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    one = _operation("model", "One model")
    one["parameters"] = [{"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}]
    one["responses"]["404"] = _refusal(REFUSALS["404"])
    result["paths"] |= {
        "/v1/chat/completions": {"post": chat},
        "/v1/embeddings": {"post": _operation("embeddings", "Embeddings of texts", body=EMBEDDINGS)},
        "/v1/models": {"get": _operation("models", "All models")},
        "/v1/models/{model}": {"get": one},
    }
    return result


def _operation(name: str, summary: str, *, body: dict[str, Any] | None = None) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"gateway_v1_{name}",
        "summary": summary,
        "tags": [TAG],
        "security": [{"apiKey": []}],
        "responses": {
            "200": {"description": "", "content": {"application/json": {"schema": OBJECT}}},
            **{status: _refusal(REFUSALS[status]) for status in (REFUSALS if body else OF_A_LOOK)},
        },
    }
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
        operation["parameters"] = [
            {"name": header, "in": "header", "description": words, "schema": {"type": "string"}}
            for header, words in CALL_HEADERS.items()
        ]
        operation["responses"]["200"]["headers"] = _headers(ANSWER_HEADERS)
        for status in STORED:
            operation["responses"][status]["headers"] = _headers(REFUSAL_HEADERS)
    return operation


def _headers(words: dict[str, str]) -> dict[str, Any]:
    return {name: {"description": each, "schema": {"type": "string"}} for name, each in words.items()}


def _refusal(words: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/GatewayError"}
    return {"description": words, "content": {"application/json": {"schema": schema}}}
