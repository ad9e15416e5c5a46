"""How the secret of a key is turned into what is stored."""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import lru_cache

PREFIX_CHARACTERS = 11
"""`cw_` and eight more: enough to recognise a key, far too few to guess it."""


def digest_of(secret: str, *, pepper: str) -> str:
    """HMAC-SHA-256 of a secret under the deployment's pepper, as hex.

    A fast digest is right here: the secret has 256 random bits, so there is nothing to guess.
    """
    keyed = _keyed(pepper).copy()
    keyed.update(secret.encode())
    return keyed.hexdigest()


@lru_cache(maxsize=4)
def _keyed(pepper: str) -> hmac.HMAC:
    """The pepper's half of the work, which is the same for every secret."""
    return hmac.new(pepper.encode(), digestmod=hashlib.sha256)


_SHAPE = re.compile(r"cw_[A-Za-z0-9_-]{43}")


def looks_like_secret(text: str) -> bool:
    """Whether `text` has the shape of a secret; anything else need not be looked up."""
    return _SHAPE.fullmatch(text) is not None
