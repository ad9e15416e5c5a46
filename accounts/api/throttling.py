"""A rate per key or person: 429 is for rates only, a budget that cannot pay answers 402."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.domain.principal import Principal


class PerKeyThrottle(SimpleRateThrottle):
    """Counts requests of one key (or person) over a sliding window, in constant time and space.

    Two counters stand for the window: this one's, and the last one's weighted by how much of it
    still lies within reach. They rise atomically, so parallel requests are all counted.
    """

    scope = "key"
    num_requests: int | None
    duration: int | None
    seconds_left: float

    def get_cache_key(self, request: Request, view: Any) -> str:
        """The counter's name; callers without a principal are counted by address."""
        return self._name(request.auth.actor if isinstance(request.auth, Principal) else self.get_ident(request))

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request and say whether it is within the rate. A refused one is not counted."""
        return self._count(self.get_cache_key(request, view), 1)

    def allow_caller(self, actor: str, count: int) -> bool:
        """The same for several requests of one caller at once: all of them are counted, or none."""
        return self._count(self._name(actor), count)

    def take_back(self, actor: str, count: int) -> None:
        """Let so many counted requests of a caller count as never made: they are counted where they are answered."""
        if self.num_requests is not None and self.duration is not None:
            self._change(f"{self._name(actor)}:{self.timer() // self.duration:.0f}", -count)

    def _name(self, who: str) -> str:
        return f"throttle:{who}".replace(" ", ":")

    def _count(self, name: str, count: int) -> bool:
        if self.num_requests is None or self.duration is None:
            return True
        window, elapsed_seconds = divmod(self.timer(), self.duration)
        self.seconds_left = self.duration - elapsed_seconds
        this, last = f"{name}:{window:.0f}", f"{name}:{window - 1:.0f}"
        still_in_reach = self.cache.get(last, 0) * self.seconds_left / self.duration
        if self._change(this, count) + still_in_reach <= self.num_requests:
            return True
        self._change(this, -count)
        return False

    def wait(self) -> float:
        """Seconds until the window ends."""
        return self.seconds_left

    def _change(self, counter: str, by: int) -> int:
        self.cache.add(counter, 0, timeout=2 * (self.duration or 1))
        try:
            return int(self.cache.incr(counter, by))
        except ValueError:  # a full cache has thrown the counter out since
            return max(by, 1)
