"""API keys: made once, shown once, recognised by a keyed digest."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from accounts.domain.scopes import Scope
from accounts.domain.secrets import PREFIX_CHARACTERS, digest_of
from accounts.models import ApiKey
from config.kernel.errors import InvalidInput

LAST_USED_STEP = timedelta(minutes=1)  # one write a minute and key, not one a request


@transaction.atomic
def create_api_key(
    *,
    team_id: int,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None = None,
    created_by_id: int | None = None,
) -> tuple[ApiKey, str]:
    """Store a new key of a team and return it with its secret, which is not stored.

    Raises InvalidInput naming `scopes` if one is unknown or none is given.
    """
    known = {scope.value for scope in Scope}
    if not scopes or not set(scopes) <= known:
        raise InvalidInput(f"Choose scopes among {', '.join(sorted(known))}.", field="scopes")
    secret = f"cw_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        team_id=team_id,
        name=name,
        prefix=secret[:PREFIX_CHARACTERS],
        digest=digest_of(secret, pepper=settings.API_KEY_PEPPER),
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
        created_by_id=created_by_id,
    )
    return key, secret


def revoke_api_key(*, key_id: int, now: datetime) -> None:
    """Refuse the key from now on. Revoking twice keeps the first time."""
    for key in ApiKey.objects.filter(pk=key_id, revoked_at=None):
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])


def note_key_use(*, key_id: int, last_used_at: datetime | None, now: datetime) -> None:
    """Remember when a key was last used, to the minute.

    Of many requests that find the note stale at once only the first writes: the others would
    queue for SQLite's one write lock, or for the row, to store the same minute.
    """
    is_stale = last_used_at is None or now - last_used_at > LAST_USED_STEP
    if is_stale and cache.add(f"key-use:{key_id}", True, timeout=LAST_USED_STEP.total_seconds()):
        ApiKey.objects.filter(pk=key_id).update(last_used_at=now)
