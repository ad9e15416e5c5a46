"""Facts that travel up the stairs.

An app publishes a frozen fact in the past tense; apps above subscribe. Delivery happens after
the transaction commits, so a fact is never told that did not become true. A subscriber only
enqueues a task or pushes: one that fails is logged and never undoes the work.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all facts: ids and plain values only."""


E = TypeVar("E", bound=Event)
_subscribers: dict[type[Event], list[Callable[[Any], None]]] = defaultdict(list)


def subscribe(event_type: type[E], handler: Callable[[E], None]) -> None:
    """Call `handler` after every commit that published an `event_type`. Idempotent."""
    if handler not in _subscribers[event_type]:
        _subscribers[event_type].append(handler)


def publish(event: Event) -> None:
    """Deliver `event` once the current transaction has committed (at once outside of one)."""
    transaction.on_commit(lambda: _deliver(event))


def _deliver(event: Event) -> None:
    for handler in _subscribers[type(event)]:
        try:
            handler(event)
        except Exception:
            logger.exception("subscriber failed", extra={"event_type": type(event).__name__})
