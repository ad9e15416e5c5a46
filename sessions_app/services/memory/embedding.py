"""Vectors of what sessions are about, each by one call of the gateway on the session's budget.

Made by the clock, outside of any transaction. A refusal that stays is written down and the call not tried again;
where nobody answered it is tried three times in all.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import F

from accounts.domain.scopes import Scope
from accounts.selectors import get_principal_of_team
from config.kernel.errors import DomainError, StillRunning, Unavailable
from config.kernel.raw import is_postgresql, run
from sessions_app.domain.gateway.wire import EmbeddingsAsk
from sessions_app.domain.vectors import Why, unit
from sessions_app.models import Session, SessionVector
from sessions_app.selectors.alike import text_of
from sessions_app.selectors.vectors import TABLE, keeps_vectors
from sessions_app.services.gateway.calling import embed
from sessions_app.services.gateway.wishes import Answered

logger = logging.getLogger(__name__)

ACTOR = "tender"
MOST_CHARACTERS = 6_000
"""Of what a session is about. Even where each is a token they fit into the 8,191 of OpenAI's embedding models."""
MOST_TRIES = 3
TRY_AGAIN_AFTER = timedelta(minutes=10)
"""Longer than a try can last: who has one has it alone."""
CALL_SECONDS = 20.0
PASS_SECONDS = 40.0
"""After so long a pass begins no other call."""
MOST_AT_ONCE = 500
ADD_COLUMN = f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS vector vector"
_KEEP = (
    f"UPDATE {TABLE} SET vector = CAST(%s AS vector), dimensions = %s, status = 'made', problem = '', made_at = %s "  # noqa: S608
    "WHERE session_id = %s AND asked_at = %s RETURNING 1"
)
Status = SessionVector.Status
Embedder = Callable[..., Answered]
"""How texts get vectors: as `sessions_app.services.gateway.calling.embed`. Raises DomainError."""


def make_vectors(*, now: datetime, call: Embedder = embed) -> int:
    """Make the vectors that are waited for, as many as there is time for; return how many were made.

    Where the database cannot keep vectors nobody is asked, and that is written down.
    """
    waiting = SessionVector.objects.filter(status=Status.WAITING, due_at__lte=now).order_by("due_at", "pk")
    due = list(waiting.values_list("session_id", "asked_at")[:MOST_AT_ONCE])
    if not due:
        return 0
    if not make_room():
        for session_id, asked_at in due:
            _give_up(session_id, asked_at, Why.NO_PGVECTOR)
        return 0
    until, made = time.monotonic() + PASS_SECONDS, 0
    for session_id, asked_at in due:
        if time.monotonic() > until:
            break
        made += _make(session_id, asked_at, now, call)
    return made


def make_room() -> bool:
    """Whether the database keeps vectors; where it could and does not yet, it does from now on."""
    if keeps_vectors():
        return True
    if not is_postgresql() or not run("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"):
        return False
    try:
        with transaction.atomic():
            run("CREATE EXTENSION IF NOT EXISTS vector")
            run(ADD_COLUMN)
    except DatabaseError as error:  # no right to, or somebody else does it now
        logger.warning("pgvector could not be set up", extra={"reason": str(error).splitlines()[0]})
    return keeps_vectors()


def _make(session_id: UUID, asked_at: datetime, now: datetime, call: Embedder) -> bool:
    asked = SessionVector.objects.filter(pk=session_id, asked_at=asked_at)
    if not asked.filter(status=Status.WAITING, due_at__lte=now).update(
        due_at=now + TRY_AGAIN_AFTER, tries=F("tries") + 1
    ):
        return False  # somebody else has it
    tries, model = asked.values_list("tries", "model").first() or (0, "")
    if tries > MOST_TRIES:
        _give_up(session_id, asked_at, Why.LOST)
        return False
    try:
        vector = unit(_numbers(Session.objects.get(pk=session_id), model, call))
    except DomainError as refusal:
        logger.info("no vector of a session", extra={"session": str(session_id), "reason": refusal.code})
        if not isinstance(refusal, Unavailable | StillRunning) or tries == MOST_TRIES:
            _give_up(session_id, asked_at, refusal.code)
        return False
    if vector is None:
        _give_up(session_id, asked_at, Why.UNUSABLE)
        return False
    written = "[" + ",".join(map(repr, vector)) + "]"
    return bool(run(_KEEP, [written, len(vector), now, session_id, asked_at]))


def _numbers(session: Session, model: str, call: Embedder) -> list[float]:
    """What the model makes of a session. Raises DomainError: nothing is spent, or it is spent once."""
    text = text_of(session)[:MOST_CHARACTERS]
    digest = sha256(f"{model}\n{text}".encode()).hexdigest()
    scopes = frozenset({Scope.REQUESTS_WRITE})
    answer = call(
        principal=get_principal_of_team(team_id=session.team_id, actor=ACTOR, scopes=scopes),
        ask=EmbeddingsAsk(model=model, texts=[text]),
        purpose=session.purpose or None,
        budget_id=session.budget_id,
        deadline_seconds=CALL_SECONDS,
        idempotency_key=f"vector:{session.pk}:{digest}",
    )
    return list(answer.vectors[0]) if answer.vectors else []


def _give_up(session_id: UUID, asked_at: datetime, why: str) -> None:
    SessionVector.objects.filter(pk=session_id, asked_at=asked_at, status=Status.WAITING).update(
        status=Status.NONE, problem=why[:60]
    )
