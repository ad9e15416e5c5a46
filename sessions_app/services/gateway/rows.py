"""Rows of calls, written as a call begins and as it ends. Statements are plain: every call waits for them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from config.kernel.inserting import insert_rows
from config.kernel.raw import run_all
from sessions_app.models import GatewayCall

BEGUN = (
    "id",
    "request_id",
    "team_id",
    "actor",
    "session_id",
    "agent",
    "round_id",
    "endpoint",
    "asked_model",
    "is_stream",
    "mode",
    "triage",
    "fallback",
    "deployment_id",
    "attempts",
    "status",
    "error_code",
    "max_output_tokens",
    "usage_basis",
    "lease_expires_at",
    "created_at",
    "finished_at",
    "told_session_at",
    "idempotency_key",
    "fingerprint",
)
ENDED = (
    "status",
    "fallback",
    "error_code",
    "deployment_id",
    "attempts",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "usage_basis",
    "provider_micro_usd",
    "first_byte_ms",
    "total_ms",
    "upstream_ms",
    "finished_at",
    "told_session_at",
    "answer",
)
AS_JSON = ("attempts", "answer")
END = "UPDATE sessions_app_gatewaycall SET {} WHERE id = %s AND status IN ('running', 'lost') RETURNING id"
CHANGES = ", ".join(f'"{name}" = %s' for name in ENDED)
FREE_THE_KEY = ", idempotency_key = NULL"
TEXTS = {True: END.format(CHANGES), False: END.format(CHANGES + FREE_THE_KEY)}
"""By whether the key is kept."""


def insert(rows: Sequence[Mapping[str, Any]]) -> None:
    """Store calls that begin, or were refused."""
    insert_rows(GatewayCall, [{name: row[name] for name in BEGUN} for row in rows])


def end(row: Mapping[str, Any], *, keeps_key: bool) -> bool:
    """Store how a call ended, also one that was given up for lost; False if it had ended before.

    Without `keeps_key` its Idempotency-Key is free.
    """
    return end_all([(row, keeps_key)])[0]


def end_all(ended: Sequence[tuple[Mapping[str, Any], bool]]) -> list[bool]:
    """The same for several calls, each with whether its key is kept."""
    return [bool(found) for found in run_all([(TEXTS[keeps_key], _values(row)) for row, keeps_key in ended])]


def _values(row: Mapping[str, Any]) -> list[Any]:
    values = [row[name] for name in ENDED]
    for place, name in enumerate(ENDED):
        if name in AS_JSON and values[place] is not None:
            values[place] = json.dumps(values[place])
    return [*values, row["id"]]
