"""The stages of a pass: what is told of them, how long they take, and the right to run that is kept meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from market.models import AllocationRun
from market.services.passes import lease

Tell = Callable[[str], None]
"""Told the name of each stage as it begins."""


class Stages:
    """The stages of a pass: each is told, timed, and begun only while the right to run is still there."""

    def __init__(self, run: AllocationRun, clock: Callable[[], datetime], tell: Tell):
        self.clock = clock
        self.seconds: dict[str, float] = {}
        self._run, self._tell = run, tell
        self._name, self._since = "", 0.0

    def begin(self, name: str) -> None:
        """End the stage before and begin another. Raises Conflict if another pass took over."""
        self.end()
        self.keep()
        self._tell(name)
        self._name, self._since = name, time.monotonic()

    def keep(self) -> None:
        """Hold on to the right to run. Raises Conflict if another pass took over."""
        lease.keep(self._run, now=self.clock())

    def end(self) -> None:
        """Note how long the present stage took; one that comes twice is added up."""
        if self._name:
            spent = time.monotonic() - self._since
            self.seconds[self._name] = round(self.seconds.get(self._name, 0.0) + spent, 4)
        self._name = ""


def clock_from(now: datetime) -> Callable[[], datetime]:
    """The caller's `now`, moved on by the time that has passed since: a long pass crosses hours."""
    started = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - started)
