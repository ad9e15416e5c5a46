"""A rate per key or person: 429 is for rates only, a budget that cannot pay answers 402."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.domain.principal import Principal


class PerKeyThrottle(SimpleRateThrottle):
    """Counts requests of one key (or person) over a sliding minute."""

    scope = "key"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """The counter's name; callers without a principal are counted by address."""
        who = request.auth.actor if isinstance(request.auth, Principal) else self.get_ident(request)
        return f"throttle:{who}"
