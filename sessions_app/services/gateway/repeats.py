"""Calls under an Idempotency-Key: what is known of an earlier try."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from config.kernel.errors import DomainError, InvalidInput, StillRunning
from sessions_app.models import GatewayCall
from sessions_app.services.gateway.wishes import Answered, Wish

HEADER = "Idempotency-Key"
COLUMNS = ("id", "team_id", "idempotency_key", "fingerprint", "answer", "status", "lease_expires_at")
RUNNING = GatewayCall.Status.RUNNING
WAIT_SECONDS = 2

Known = Answered | DomainError | None


def recall(wish: Wish, *, now: datetime) -> Answered | None:
    """The kept answer to an earlier try; None if the call is to be made. Raises StillRunning, or InvalidInput with
    code `key_reused` if the key was used for another body."""
    found = recall_each([wish], now=now)[0]
    if isinstance(found, DomainError):
        raise found
    return found


def recall_each(wishes: Sequence[Wish], *, now: datetime) -> list[Known]:
    """The same for several: one query, and one change where the lease of an earlier try has run out, which then
    gives up its key. Of several with one key in one batch the first goes on."""
    keys = {each.idempotency_key for each in wishes if each.idempotency_key is not None}
    if not keys:
        return [None] * len(wishes)
    teams = {each.principal.team_id for each in wishes}
    rows = GatewayCall.objects.filter(team__in=teams, idempotency_key__in=keys).values(*COLUMNS)
    known: dict[tuple[Any, Any], dict[str, Any]] = {(row["team_id"], row["idempotency_key"]): row for row in rows}
    found: list[Known] = []
    for wish in wishes:
        name = (wish.principal.team_id, wish.idempotency_key)
        found.append(_recalled(known.get(name), wish, now=now) if wish.idempotency_key is not None else None)
        if wish.idempotency_key is not None and found[-1] is None:
            known[name] = _beginning(wish)
    return found


def _beginning(wish: Wish) -> dict[str, Any]:
    """What stands for a call of the same batch that is about to begin."""
    return {"fingerprint": wish.fingerprint, "answer": None, "status": RUNNING, "lease_expires_at": None}


def _recalled(row: dict[str, Any] | None, wish: Wish, *, now: datetime) -> Known:
    if row is None:
        return None
    if row["fingerprint"] != wish.fingerprint:
        return InvalidInput(f"This {HEADER} was used for another request.", field=HEADER, code="key_reused")
    if row["answer"] is not None:
        return Answered.replayed(row["answer"])
    until = row["lease_expires_at"]
    if row["status"] == RUNNING and (until is None or until > now):
        return StillRunning(
            f"The first try with this {HEADER} is still being answered.", retry_after_seconds=WAIT_SECONDS
        )
    GatewayCall.objects.filter(pk=row["id"]).update(idempotency_key=None)
    return None
