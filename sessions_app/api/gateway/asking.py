"""Headers of a call: who asks, for what, until when, under which key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.selectors import find_principal_by_secret, find_remembered_principal
from accounts.services.keys import note_key_use
from config.kernel.errors import InvalidInput, NotAllowed
from sessions_app.domain.gateway.wire import ANYWHERE, LATENCY_CLASSES
from sessions_app.services.gateway.background import read

PREFIX = "x-commonwatt-"
KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
MODES = ("express", "council", "auto")
LONGEST_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the headers say beside the body; None and empty: nothing."""

    purpose: str | None = None
    origin: str | None = None
    session_id: UUID | None = None
    agent: str = ""
    budget_id: UUID | None = None
    deadline_seconds: float | None = None
    mode: str = ""
    latency_class: str = ANYWHERE
    residency: tuple[str, ...] | None = None
    idempotency_key: str | None = None


async def principal_of(headers: Mapping[str, str], *, scope: Scope) -> Principal:
    """The caller behind the key. Raises NotAllowed with code `missing_key`, `bad_key` or `missing_scope`."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        raise NotAllowed("Send your API key: Authorization: Bearer cw_...", code="missing_key")
    now = timezone.now()
    principal = find_remembered_principal(secret, now=now) or await read(lambda: _looked_up(secret, now))
    if principal is None:
        raise NotAllowed("This API key is unknown, expired or revoked.", code="bad_key")
    if not principal.may(scope):
        raise NotAllowed(f"This needs the scope {scope}.", code="missing_scope")
    return principal


def _looked_up(secret: str, now: datetime) -> Principal | None:
    remembered = find_remembered_principal(secret, now=now)  # somebody else's look may have just ended
    if remembered is not None:
        return remembered
    found = find_principal_by_secret(secret, now=now)
    if found is None:
        return None
    principal, key = found
    note_key_use(key_id=key.pk, last_used_at=key.last_used_at, now=now)
    return principal


def read_headers(headers: Mapping[str, str]) -> Asked:
    """Our own headers, checked. Raises InvalidInput that names the header."""
    return Asked(**{column: read(headers[name], name) for name, (column, read) in READERS.items() if name in headers})


def _wrong(name: str, words: str, *, code: str = "invalid_value") -> InvalidInput:
    shown = "-".join(part.capitalize() for part in name.split("-"))
    return InvalidInput(f"{shown} {words}", field=shown, code=code)


def _text(value: str, name: str) -> str:
    if not value or len(value) > LONGEST_NAME_CHARACTERS or not value.isprintable():
        raise _wrong(name, f"must have 1 to {LONGEST_NAME_CHARACTERS} printable characters.")
    return value


def _word(value: str, name: str, words: tuple[str, ...]) -> str:
    if value not in words:
        raise _wrong(name, f"must be one of {', '.join(words)}.")
    return value


def _uuid(value: str, name: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise _wrong(name, "must be an id.") from None


def _deadline(value: str, name: str) -> float:
    try:
        latest = parse_datetime(value)
    except ValueError:
        latest = None
    if latest is None or latest.tzinfo is None:
        raise _wrong(name, "must be a time with its offset, as 2030-01-31T12:00:00Z.")
    seconds = (latest - timezone.now()).total_seconds()
    if seconds <= 0:
        raise _wrong(name, "has passed.", code="past_deadline")
    return seconds


def _residency(value: str, name: str) -> tuple[str, ...]:
    codes = tuple(dict.fromkeys(each.strip() for each in value.split(",")))
    if not all(len(each) == 2 and each.isascii() and each.isalpha() and each.isupper() for each in codes):
        raise _wrong(name, "must be ISO 3166-1 codes of countries, as DE,FR.")
    return codes


def _key(value: str, _name: str) -> str:
    if not KEY.fullmatch(value):
        raise InvalidInput("Idempotency-Key must be 1 to 255 printable ASCII characters.", field="Idempotency-Key")
    return value


READERS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    f"{PREFIX}purpose": ("purpose", _text),
    f"{PREFIX}origin": ("origin", _text),
    f"{PREFIX}session": ("session_id", _uuid),
    f"{PREFIX}agent": ("agent", _text),
    f"{PREFIX}budget": ("budget_id", _uuid),
    f"{PREFIX}latest": ("deadline_seconds", _deadline),
    f"{PREFIX}mode": ("mode", partial(_word, words=MODES)),
    f"{PREFIX}latency-class": ("latency_class", partial(_word, words=LATENCY_CLASSES)),
    f"{PREFIX}residency": ("residency", _residency),
    "idempotency-key": ("idempotency_key", _key),
}
"""Headers by small name: the column of `Asked` that each fills, and how it is read."""
