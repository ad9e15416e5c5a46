"""The last step of the ladder: what a session knows of itself, where no model answers. Labelled, and free."""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from config.kernel.errors import Conflict, DomainError, NotFound, Unavailable
from sessions_app.domain.gateway.terms import CACHED_SUMMARY
from sessions_app.domain.gateway.wire import Usage
from sessions_app.models import GatewayCall
from sessions_app.selectors.checkpoints import CheckpointFacts, get_checkpoint, list_checkpoints
from sessions_app.services.gateway import rows
from sessions_app.services.gateway.background import change, read
from sessions_app.services.gateway.planning import Setup
from sessions_app.services.gateway.unadmitted import row_of
from sessions_app.services.gateway.wishes import Answered, Figures, Wish

LABEL = "[No model answered. This is the session's last stored summary, of {at:%Y-%m-%d %H:%M} UTC, not an answer.]"
FINGERPRINT = "cached-summary-no-model"
NOT_WORTH = {"rate_limit_exceeded", "council_busy"}


def is_worth_less(refusal: DomainError, setup: Setup) -> bool:
    """Whether the summary of a session may stand in for an answer: nobody could serve the call now."""
    ladder = setup.snapshot.terms.ladder
    is_chat = setup.looked.assessed is not None
    is_for_now = isinstance(refusal, Unavailable) and refusal.code not in NOT_WORTH
    return is_for_now and is_chat and setup.seat is not None and CACHED_SUMMARY in ladder


async def summary_of(wish: Wish, *, call_id: UUID, request_id: UUID | None) -> Answered | None:
    """The session's newest continuity document as an answer; None where it has none that can be read."""
    session_id = wish.session_id
    if session_id is None:
        return None
    try:
        newest = await read(lambda: _newest(session_id))
    except (NotFound, Conflict):  # none, or it was damaged: no word of it is to be trusted
        return None
    text = f"{LABEL.format(at=newest.line.at)}\n\n{newest.summary or json.dumps(newest.document, ensure_ascii=False)}"
    message = {"role": "assistant", "content": text, "refusal": None}
    return Answered(
        figures=Figures(
            call_id=str(call_id),
            request_id=str(request_id) if request_id else None,
            fallback=CACHED_SUMMARY,
            is_settled=True,
        ),
        model=wish.ask.model,
        created=int(time.time()),
        usage=Usage(input_tokens=0, output_tokens=0),
        usage_basis="",
        choices=[{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        fingerprint=FINGERPRINT,
    )


async def summary_unadmitted(wish: Wish, setup: Setup, refusal: DomainError) -> Answered | None:
    """The same for a call that was never admitted; the call is stored."""
    call_id, now = uuid.uuid4(), timezone.now()
    summary = await summary_of(wish, call_id=call_id, request_id=None)
    if summary is not None:
        await change(lambda: _store(wish, setup, call_id, refusal, now))
    return summary


def _store(wish: Wish, setup: Setup, call_id: UUID, refusal: DomainError, now: datetime) -> None:
    row = row_of(wish, setup, call_id=call_id, lease_expires_at=now, now=now)
    ended = {
        "status": GatewayCall.Status.ANSWERED,
        "fallback": CACHED_SUMMARY,
        "error_code": refusal.code,
        "finished_at": now,
        "told_session_at": now,
        "idempotency_key": None,  # a later try may get a real answer
    }
    rows.insert([row | ended])


def _newest(session_id: UUID) -> CheckpointFacts:
    lines = list_checkpoints(session_id, limit=1)
    if not lines:
        raise NotFound("The session has no checkpoint.")
    return get_checkpoint(session_id, lines[0].id)
