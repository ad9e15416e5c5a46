"""A cache that may be down: then nothing is remembered, and everything goes on.

The cache holds conveniences only (rate counters, what was just computed). The ledger never
depends on it, so an outage of Redis must not refuse work that a budget can pay.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class ForgivingRedisCache(RedisCache):
    """Django's Redis cache, whose failures are logged and answered as from an empty cache."""

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """The value, or the default."""
        return self._try(lambda: super(ForgivingRedisCache, self).get(key, default, version), default)

    def set(self, key: str, value: Any, timeout: Any = 300, version: int | None = None) -> None:
        """Store the value if that is possible."""
        self._try(lambda: super(ForgivingRedisCache, self).set(key, value, timeout, version), None)

    def add(self, key: str, value: Any, timeout: Any = 300, version: int | None = None) -> bool:
        """True if the caller is the first, as far as anybody can tell."""
        return self._try(lambda: super(ForgivingRedisCache, self).add(key, value, timeout, version), True)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """The counter, or the change alone where there is none to be had."""
        return self._try(lambda: super(ForgivingRedisCache, self).incr(key, delta, version), delta)

    def delete(self, key: str, version: int | None = None) -> bool:
        """True if there was something to forget."""
        return self._try(lambda: super(ForgivingRedisCache, self).delete(key, version), False)

    def _try(self, operation: Callable[[], Result], otherwise: Result) -> Result:
        try:
            return operation()
        except (RedisError, OSError) as error:
            logger.warning("cache unavailable", extra={"reason": type(error).__name__})
            return otherwise
