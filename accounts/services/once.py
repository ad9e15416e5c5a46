"""POSTs that are answered once: what the doors of all apps share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.domain.principal import Principal
from accounts.services.idempotency import HEADER, Answer, answer_once, fingerprint_of
from config.kernel.errors import NotAllowed

IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="The same key with the same body replays the stored answer; kept 48 h.",
)


def acting_team(principal: Principal) -> int:
    """The team that acts. Raises NotAllowed for somebody who acts for none."""
    if principal.team_id is None:
        raise NotAllowed("You act for no team. Use the API key of a team, or join one.")
    return principal.team_id


def answer_of(request: Request, work: Callable[[], Answer]) -> tuple[Answer, dict[str, str]]:
    """Run `work` once in one transaction; the stored answer for the same key. With the headers that tell a replay.

    A refusal undoes everything and frees the key: it is worked out again by the next try.
    """
    answer = answer_once(
        team_id=acting_team(Principal.of(request.auth)),
        key=request.headers.get(HEADER),
        fingerprint=fingerprint_of(request.method or "", request.get_full_path(), request.data),
        now=timezone.now(),
        work=work,
    )
    return answer, {"Idempotent-Replayed": "true"} if answer.is_replay else {}


def answered_once(request: Request, work: Callable[[], tuple[int, Any]]) -> Response:
    """Run `work` as `answer_of` does and answer with its status and body."""

    def stored() -> Answer:
        status_code, body = work()
        return Answer(status_code, {"body": body})

    answer, headers = answer_of(request, stored)
    return Response(answer.body["body"], status=answer.status_code, headers=headers)
