"""Telling a session what a call of its agent took, after the settlement and apart from it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config.kernel.errors import Conflict, DomainError
from sessions_app.domain.gateway.wire import Usage
from sessions_app.models import GatewayCall
from sessions_app.selectors.gateway.seats import Seat
from sessions_app.services.gateway.background import REPORTS
from sessions_app.services.gateway.planning import Plan
from sessions_app.services.windows.usage import UsageReport, record_usage

logger = logging.getLogger(__name__)

REPORT_SECONDS = 5.0
"""So long an answer waits for its session to be told; the report goes its way."""


LONGEST_OPERATION = 60
ROUND = "round"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedCall:
    """A call as its session is told of it. `operation` is what it is counted under, `estimated_tokens` what it was
    expected to take, input and output; None: nobody knows."""

    call_id: UUID
    session_id: UUID
    team_id: int
    agent: str
    actor: str
    usage: Usage
    operation: str
    estimated_tokens: int | None


def operation_of(*, endpoint: str, is_round: bool, purpose: str, usual_purpose: str) -> str:
    """What a call is counted under: a turn of a round, a purpose other than its session's usual one, else its kind
    (`chat`, `embeddings`)."""
    if is_round:
        return ROUND
    return (endpoint if purpose == usual_purpose else purpose)[:LONGEST_OPERATION]


def expected_tokens(input_tokens: int, *, output_tokens: int, most_output_tokens: int, choices: int) -> int:
    """Tokens that a call was expected to take: its input as counted, and the median answer as far as it was allowed."""
    return input_tokens + choices * min(output_tokens, most_output_tokens)


async def report(plan: Plan, usage: Usage, *, now: datetime) -> None:
    """Wait until the window of the call's agent is told; nothing to do without one. Never raises a refusal:
    what could not be told is left to the sweep."""
    seat, wish = plan.seat, plan.wish
    if seat is None or not seat.agent or seat.epoch is None or wish.principal.team_id is None:
        return
    epoch = seat.epoch
    call = EndedCall(
        call_id=plan.call_id,
        session_id=seat.session_id,
        team_id=wish.principal.team_id,
        agent=seat.agent,
        actor=wish.principal.actor,
        usage=usage,
        operation=_operation(plan, seat),
        estimated_tokens=_expected(plan),
    )
    try:
        async with asyncio.timeout(REPORT_SECONDS):
            await REPORTS.submit(lambda: tell_session(call=call, epoch=epoch, now=now))
    except TimeoutError:
        logger.warning("a session is told of a call after its answer", extra={"call": str(plan.call_id)})
    except DomainError as refusal:
        logger.warning("a session was not told of a call", extra={"call": str(plan.call_id), "reason": refusal.detail})


def _operation(plan: Plan, seat: Seat) -> str:
    endpoint = GatewayCall.Endpoint.CHAT if plan.wish.is_chat else GatewayCall.Endpoint.EMBEDDINGS
    return operation_of(
        endpoint=endpoint.value,
        is_round=plan.wish.round_id is not None,
        purpose=plan.setup.purpose,
        usual_purpose=seat.purpose or plan.terms.calls.default_purpose,
    )


def _expected(plan: Plan) -> int:
    estimate = plan.setup.looked.estimate
    return expected_tokens(
        plan.input_tokens,
        output_tokens=estimate.p50_tokens if estimate else 0,
        most_output_tokens=plan.output_tokens,
        choices=plan.wish.choices,
    )


def tell_session(*, call: EndedCall, epoch: int, now: datetime, is_late: bool = False) -> None:
    """Record a call in its agent's window, once. Where a successor has taken over meanwhile it is told instead: the
    call is counted, and the successor's window holds none of it. `is_late` says that it was begun before `epoch`."""
    try:
        try:
            _record(call, epoch, now, is_late=is_late)
        except Conflict as refusal:
            if refusal.code != "stale_epoch":
                raise
            _record(call, refusal.facts["epoch"], now, is_late=True)
    except DomainError as refusal:
        # The agent is gone, or somebody else told of this call: no later try will pass.
        logger.warning("a session takes no report", extra={"call": str(call.call_id), "reason": refusal.detail})
    GatewayCall.objects.filter(pk=call.call_id).update(told_session_at=now)


def _record(call: EndedCall, epoch: int, now: datetime, *, is_late: bool) -> None:
    told = UsageReport(
        call_id=str(call.call_id),
        operation=call.operation,
        input_tokens=call.usage.input_tokens,
        cached_tokens=call.usage.cached_tokens,
        output_tokens=call.usage.output_tokens,
        estimated_tokens=call.estimated_tokens,
        is_late=is_late,
    )
    record_usage(
        session_id=call.session_id,
        team_id=call.team_id,
        agent=call.agent,
        epoch=epoch,
        report=told,
        actor=call.actor,
        now=now,
    )
