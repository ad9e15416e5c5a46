"""Answers to POSTs: once per Idempotency-Key, with the same body however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.services.idempotency import Answer
from accounts.services.once import answer_of
from budgets.domain.refusals import BudgetExhausted
from market import selectors
from market.models import AllocationRequest
from market.services import Outcome

PAYMENT_REQUIRED = 402
Work = Callable[[], "Outcome | tuple[UUID, int | None]"]


def answer_idempotently(request: Request, work: Work) -> Response:
    """Run `work` once in one transaction and answer with the request's body; replay it for the same key.

    A budget that cannot pay is stored as the answer too and raised as BudgetExhausted each time.
    """
    answer, headers = answer_of(request, lambda: _answer(work()))
    if answer.status_code == PAYMENT_REQUIRED:
        raise BudgetExhausted.replayed(answer.body, headers=headers)
    body = answer.body["body"]
    if answer.body["warning_percent"] is not None:
        headers["X-Budget-Warning"] = str(answer.body["warning_percent"])
    return Response(body, status=answer.status_code, headers=headers)


def _answer(done: Outcome | tuple[UUID, int | None]) -> Answer:
    if isinstance(done, tuple):
        request_id, warning_percent = done
        return _ok(200, request_id, warning_percent)
    request_id = done.decision.request_id
    if done.refusal is not None:
        facts: dict[str, Any] = {"detail": done.refusal.detail, "request": str(request_id), **done.refusal.facts}
        return Answer(PAYMENT_REQUIRED, facts)
    queued = done.decision.request.status == AllocationRequest.Status.QUEUED
    return _ok(202 if queued else 201, request_id, done.warning_percent)


def _ok(status_code: int, request_id: UUID, warning_percent: int | None) -> Answer:
    _, body = selectors.get_request_answer(request_id)
    return Answer(status_code, {"body": body, "warning_percent": warning_percent})
