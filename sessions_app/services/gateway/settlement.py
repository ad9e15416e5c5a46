"""The settlement lane: what calls really used, and how they ended, up to 64 in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError

from config.kernel.errors import DomainError, Unavailable
from config.kernel.transactions import in_transaction
from market.domain.inline import InlineReturn, InlineSettled, InlineUse
from market.services import end_inline
from sessions_app.domain.gateway.breaker import Outcome
from sessions_app.services.gateway import rows
from sessions_app.services.gateway.health import note_outcomes
from sessions_app.services.gateway.lanes import Lane
from sessions_app.services.gateway.wishes import Answered

logger = logging.getLogger(__name__)

NOTHING_USED = "no deployment answered"
PATIENCE_SECONDS = 60.0
"""So long a settlement is tried again over a lost connection; then the sweep does it at what was granted."""
NEWS_SECONDS = 2.0
"""So long a settlement waits for breakers to hear of a fault."""
ANSWER_SECONDS = 10.0
"""So long an answer waits for its settlement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """How a call ended. `use` None: nothing was used, the grant is given back. `row` holds the columns of its end.

    `answer` is kept where an Idempotency-Key asked for it, with the settled figures.
    """

    call_id: UUID
    request_id: UUID
    actor: str
    use: InlineUse | None
    row: dict[str, Any]
    outcomes: Sequence[Outcome]
    answer: Answered | None
    keeps_key: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class News:
    """What came of attempts, for their breakers."""

    outcomes: Sequence[Outcome]
    at: datetime


def settle(items: Sequence[Finish]) -> Sequence[InlineSettled | Exception | None]:
    """For each what it came to, None where nothing was used, or why it could not be settled."""
    results = in_transaction(lambda: _settled(items))
    # After the commit: news of breakers undo no settlement, and wait for no budget's lock.
    if outcomes := [outcome for item in items for outcome in item.outcomes]:
        BREAKERS.leave(News(outcomes, max(item.at for item in items)))
        if any(outcome.fault is not None for outcome in outcomes):
            BREAKERS.wait_until_idle(seconds=NEWS_SECONDS)
    return results


def _settled(items: Sequence[Finish]) -> list[InlineSettled | Exception | None]:
    now = max(item.at for item in items)
    uses = [item.use for item in items if item.use is not None]
    returns = [
        InlineReturn(request_id=item.request_id, actor=item.actor, reason=NOTHING_USED)
        for item in items
        if item.use is None
    ]
    settled, given_back = end_inline(uses, returns, now=now)
    of_uses, of_returns = iter(settled), iter(given_back)
    results: list[InlineSettled | Exception | None] = [
        next(of_returns) if item.use is None else next(of_uses) for item in items
    ]
    rows.end_all(
        [
            (item.row | {"id": item.call_id, "answer": _kept(item, result)}, item.keeps_key)
            for item, result in zip(items, results, strict=True)
        ]
    )
    return results


def _kept(item: Finish, result: InlineSettled | Exception | None) -> dict[str, Any] | None:
    if item.answer is None:
        return None
    if isinstance(result, InlineSettled):
        return replace(item.answer, figures=item.answer.figures.settled(result)).to_json()
    return item.answer.to_json()


def _tell_breakers(news: Sequence[News]) -> Sequence[None]:
    outcomes = [outcome for each in news for outcome in each.outcomes]
    try:
        note_outcomes(outcomes, now=max(each.at for each in news))
    except (DatabaseError, Unavailable):
        logger.exception("breakers were not told of %d attempts", len(outcomes))
    return [None] * len(news)


BREAKERS: Lane[News, None] = Lane("breakers", _tell_breakers, is_transaction=False)
"""In the order in which calls ended. No answer waits for good news; of bad ones the next call must know."""
SETTLEMENT: Lane[Finish, InlineSettled | None] = Lane(
    "settlement", settle, is_transaction=False, patience_seconds=PATIENCE_SECONDS
)


async def finish(item: Finish) -> InlineSettled | None:
    """Settle a call that ended; None where it is not known in time what that came to: it goes its way, and what
    fails is settled by the sweep at what was granted."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await SETTLEMENT.submit(item)
    except TimeoutError:
        logger.warning("a call is settled after its answer", extra={"call": str(item.call_id)})
        return None
    except DomainError as refusal:
        logger.warning("a call was not settled", extra={"call": str(item.call_id), "reason": refusal.detail})
        return None
