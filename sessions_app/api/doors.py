"""What every door of sessions asks first: whose is it, and was it asked before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.domain.principal import Principal
from accounts.services import once
from accounts.services.once import IDEMPOTENCY_KEY, acting_team
from config.kernel.errors import NotFound
from sessions_app.models import Session
from sessions_app.services.thinking import thinking_first

__all__ = ["IDEMPOTENCY_KEY", "acting_team", "answered_once", "visible_session"]


def visible_session(principal: Principal, session_id: UUID) -> Session:
    """A session of a team whose work the caller may see; any other does not exist for it."""
    session = Session.objects.filter(pk=session_id).select_related("policy").first()
    if session is None or not principal.may_see_team(session.team_id):
        raise NotFound("There is no such session.", field="session")
    return session


@thinking_first
def answered_once(request: Request, work: Callable[[], tuple[int, Any]]) -> Response:
    """Run `work` as `once.answered_once` does. What is long to think about is thought out before its transaction."""
    return once.answered_once(request, work)
