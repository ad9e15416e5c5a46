"""Telling a session what a call of its agent took, after the settlement and apart from it."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from uuid import UUID

from config.kernel.errors import DomainError
from sessions_app.domain.gateway.wire import Usage
from sessions_app.models import GatewayCall
from sessions_app.services.gateway.background import REPORTS
from sessions_app.services.gateway.planning import Plan
from sessions_app.services.windows.usage import UsageReport, record_usage

logger = logging.getLogger(__name__)

REPORT_SECONDS = 5.0
"""So long an answer waits for its session to be told; the report goes its way."""


async def report(plan: Plan, usage: Usage, *, now: datetime) -> None:
    """Wait until the window of the call's agent is told; nothing to do without one. Never raises a refusal:
    what could not be told is left to the sweep."""
    seat, wish = plan.seat, plan.wish
    if seat is None or not seat.agent or seat.epoch is None or wish.principal.team_id is None:
        return
    team_id, epoch = wish.principal.team_id, seat.epoch
    try:
        async with asyncio.timeout(REPORT_SECONDS):
            await REPORTS.submit(
                lambda: tell_session(
                    call_id=plan.call_id,
                    session_id=seat.session_id,
                    team_id=team_id,
                    agent=seat.agent,
                    epoch=epoch,
                    usage=usage,
                    actor=wish.principal.actor,
                    now=now,
                )
            )
    except TimeoutError:
        logger.warning("a session is told of a call after its answer", extra={"call": str(plan.call_id)})
    except DomainError as refusal:
        logger.warning("a session was not told of a call", extra={"call": str(plan.call_id), "reason": refusal.detail})


def tell_session(
    *,
    call_id: UUID,
    session_id: UUID,
    team_id: int,
    agent: str,
    epoch: int,
    usage: Usage,
    actor: str,
    now: datetime,
) -> None:
    """Record a call in its agent's window, once. An agent that has been taken over cannot be told any more."""
    told = UsageReport(
        call_id=str(call_id),
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
    )
    try:
        record_usage(
            session_id=session_id, team_id=team_id, agent=agent, epoch=epoch, report=told, actor=actor, now=now
        )
    except DomainError as refusal:
        # The agent is gone, or somebody else told of this call: no later try will pass.
        logger.warning("a session takes no report", extra={"call": str(call_id), "reason": refusal.detail})
    GatewayCall.objects.filter(pk=call_id).update(told_session_at=now)
