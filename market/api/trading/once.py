"""Answers to POSTs of the market: once per Idempotency-Key, whatever the number of tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.domain.principal import Principal
from accounts.services.idempotency import Answer, answer_once, fingerprint_of
from config.kernel.errors import NotAllowed


def answered_once(request: Request, work: Callable[[Principal], Any], *, status: int = 200) -> Response:
    """Run `work` for the caller's team in one transaction and answer with the JSON that it gives.

    The same key with the same body replays the stored answer. A refusal changes nothing and stores
    nothing: the same key may be tried again once there is money, quota or trade.
    """
    principal = Principal.of(request.auth)
    if principal.team_id is None:
        raise NotAllowed("You act for no team. Use the API key of a team, or join one.")
    answer = answer_once(
        team_id=principal.team_id,
        key=request.headers.get("Idempotency-Key"),
        fingerprint=fingerprint_of(request.method or "", request.path, request.data),
        now=timezone.now(),
        work=lambda: Answer(status, {"body": work(principal)}),
    )
    headers = {"Idempotent-Replayed": "true"} if answer.is_replay else {}
    return Response(answer.body["body"], status=answer.status_code, headers=headers)
