"""Secrets at rest: what must be read again, such as what webhooks are signed with, is stored sealed.

The keys are derived from the deployment's SECRET_KEY (HKDF with SHA-256), another one for each purpose, so
that a seal made for one thing opens no other. What EARLIER_SECRET_KEYS lists opens too; new seals are
made with the present key.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class SealBroken(Exception):
    """Sealed with a key that this deployment does not have, for another purpose, or damaged."""


def seal(text: str, *, purpose: str) -> str:
    """Text that only this deployment can read, and only for `purpose`."""
    return _box(purpose).encrypt(text.encode()).decode("ascii")


def unseal(sealed: str, *, purpose: str) -> str:
    """What was sealed. Raises SealBroken."""
    try:
        return _box(purpose).decrypt(sealed.encode()).decode()
    except (InvalidToken, UnicodeError):
        raise SealBroken("sealed with another key, or damaged") from None


def sealed_anew(sealed: str, *, purpose: str) -> str:
    """The same under the present key, so that an earlier one may go. Raises SealBroken."""
    try:
        return _box(purpose).rotate(sealed.encode()).decode("ascii")
    except (InvalidToken, UnicodeError):
        raise SealBroken("sealed with another key, or damaged") from None


def is_sealed_anew(sealed: str, *, purpose: str) -> bool:
    """Whether the present key opens it."""
    try:
        _key(settings.SECRET_KEY, purpose).decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True


def _box(purpose: str) -> MultiFernet:
    return MultiFernet([_key(secret, purpose) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


@lru_cache(maxsize=32)
def _key(secret: str, purpose: str) -> Fernet:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"commonwatt sealed {purpose}".encode())
    return Fernet(base64.urlsafe_b64encode(derive.derive(secret.encode())))
