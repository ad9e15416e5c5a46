"""Which reservations are plain: a key and a budget that are known, and a body of whole numbers.

Whatever is not quite as expected is not plain, and not wrong either: the ordinary door says which.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework.utils import json as strict_json

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.selectors import find_remembered_principal
from accounts.services.idempotency import Claim, fingerprint_of
from budgets.api.hot import (
    LEAST_LEASE_SECONDS,
    MOST_LEASE_SECONDS,
    MOST_TOKENS,
    USUAL_LEASE_SECONDS,
    reference_of,
    reserved,
)
from budgets.domain.asks import HoldAsk
from budgets.domain.units import LARGEST_AMOUNT, STEPS_PER_UNIT, Amounts, Unit
from budgets.selectors import find_known_owner
from budgets.services.holds.commits import Once, Shared

REFERENCE = re.compile(r"[A-Za-z0-9._:/-]{1,80}")
KEY = re.compile(r"[\x21-\x7e]{1,255}")
LARGEST_BODY_BYTES = 2048
JSON = {b"application/json", b"application/json; charset=utf-8"}
ANY = {b"", b"*/*", b"application/json"}
NOT_PLAIN = {b"cookie", b"content-encoding", b"expect", b"x-http-method-override", b"origin", b"referer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A request that can be answered at once, if its ask is admitted."""

    shared: Shared
    amounts: Amounts
    who: str


def plain_of(budget: str, scope: MutableMapping[str, Any], headers: dict[bytes, bytes], content: bytes) -> Plain | None:
    """The ask of a request that is plain in every respect."""
    if not is_plain(scope, headers):
        return None
    now = timezone.now()
    budget_id = UUID(budget)
    owner, principal = find_known_owner(budget_id), _principal(headers, now=now)
    if owner is None or principal is None or owner.team_id is None or owner.team_id != principal.team_id:
        return None
    body = _body(content)
    if body is None or (amounts := _amounts(body, owner.unit)) is None:
        return None
    ask = HoldAsk(
        budget_id=budget_id,
        amounts=amounts,
        reference=reference_of(owner.team_id, body.get("reference")),
        lease_expires_at=now + timedelta(seconds=body.get("lease_seconds", USUAL_LEASE_SECONDS)),
        actor=principal.actor,
    )
    if (key := headers.get(b"idempotency-key")) is None:
        return Plain(shared=Shared(ask=ask, now=now), amounts=amounts, who=principal.actor)
    if not KEY.fullmatch(name := key.decode("latin1")):
        return None
    claim = Claim(team_id=owner.team_id, key=name, fingerprint=fingerprint_of("POST", scope["path"], body))
    once = Once(claim=claim, answer_of=lambda placed: reserved(placed, budget_id, amounts))
    return Plain(shared=Shared(ask=ask, now=now, once=once), amounts=amounts, who=principal.actor)


def is_plain(scope: MutableMapping[str, Any], headers: dict[bytes, bytes]) -> bool:
    """Whether nothing but key, budget and body can make a difference to the answer."""
    return (
        not scope["query_string"]
        and headers.get(b"content-type", b"").lower() in JSON
        and headers.get(b"accept", b"") in ANY
        and not NOT_PLAIN & headers.keys()
        and len(headers) == len(scope["headers"])
    )


def _principal(headers: dict[bytes, bytes], *, now: datetime) -> Principal | None:
    scheme, _, secret = headers.get(b"authorization", b"").decode("latin1").partition(" ")
    if scheme != "Bearer":
        return None
    principal = find_remembered_principal(secret, now=now)
    return principal if principal is not None and principal.may(Scope.BUDGETS_SPEND) else None


def _body(content: bytes) -> dict[str, Any] | None:
    """An object of whole numbers and a simple reference, within bounds; None for anything else."""
    if len(content) > LARGEST_BODY_BYTES:
        return None
    try:
        body = strict_json.loads(content.decode())  # as the ordinary door reads it: UTF-8, no NaN
    except (ValueError, RecursionError):
        return None
    if type(body) is not dict or not body.keys() <= {"amount", "tokens", "lease_seconds", "reference"}:
        return None
    lease_seconds, reference = body.get("lease_seconds", USUAL_LEASE_SECONDS), body.get("reference", "-")
    if type(lease_seconds) is not int or not LEAST_LEASE_SECONDS <= lease_seconds <= MOST_LEASE_SECONDS:
        return None
    if type(reference) is not str or not REFERENCE.fullmatch(reference):
        return None
    return body


def _amounts(body: dict[str, Any], unit: Unit) -> Amounts | None:
    if ("amount" in body) == ("tokens" in body):
        return None
    if "tokens" in body and unit is not Unit.TOKENS:
        return None
    value = body.get("amount", body.get("tokens"))
    if type(value) is not int or not 1 <= value <= min(MOST_TOKENS, LARGEST_AMOUNT // STEPS_PER_UNIT[unit]):
        return None
    return Amounts.only(unit, value * STEPS_PER_UNIT[unit])
