"""Blocking work that an event loop leaves to threads: reads, rare changes, and reports to sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from config.kernel.errors import DomainError, Unavailable
from sessions_app.connectors.http import close_sessions
from sessions_app.services.gateway.lanes import UNREACHABLE, Lane

T = TypeVar("T")
Job = Callable[[], Any]


def _each(jobs: Sequence[Job]) -> list[Any]:
    return [_one(job) for job in jobs]


def _one(job: Job) -> Any:
    try:
        return job()
    except DomainError as refusal:
        return refusal


READ_SECONDS = 10.0
READS: Lane[Job, Any] = Lane("reads", _each, most=1, is_transaction=False, patience_seconds=1.0)
"""Keys, sessions: a few milliseconds each, and kept for a second by who asks."""
CHANGES: Lane[Job, Any] = Lane("changes", _each, most=1, is_transaction=False)
"""What owns its transaction: a grant that moves, a breaker that is tried."""
REPORTS: Lane[Job, Any] = Lane("reports", _each, most=1, is_transaction=False)
"""Reports to sessions, which lock the session."""


async def close_connections() -> None:
    """Close what the running event loop holds open to providers."""
    await close_sessions()


async def read(job: Callable[[], T]) -> T:
    """The result of a quick read in a thread. Raises what it raises, or Unavailable where it takes too long."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            result: T = await READS.submit(job)
            return result
    except TimeoutError:
        raise Unavailable("The ledger did not answer in time.", code=UNREACHABLE) from None


async def change(job: Callable[[], T]) -> T:
    """The result of a change in a thread. Raises what it raises."""
    result: T = await CHANGES.submit(job)
    return result
