"""Facts, rounds and the archive of a session."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.kernel.errors import DomainError, NotFound
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.forms.sessions import LARGEST_ID
from dashboard.presentation.gateway.runs import run_row
from dashboard.presentation.sessions.memory import archive_row, fact_row, round_row
from dashboard.sections import read_part
from dashboard.views.page import page
from dashboard.views.sessions.seen import common, seen_session
from sessions_app.selectors.archives import get_archive, is_out, list_archives
from sessions_app.selectors.gateway.board import find_run_line
from sessions_app.selectors.memory import page_facts
from sessions_app.selectors.rounds import get_round, list_rounds

MOST_FACTS = 100
MOST_ROUNDS = 20
ARCHIVES_SHOWN = 50
LONGEST_BODY_CHARACTERS = 200_000
LONGEST_QUERY = 200


@require_safe
@seen_by("details")
def memory(request: HttpRequest, session_id: UUID, *, sight: Sight) -> HttpResponse:
    """What must not be lost, what was said in rounds, and what was put away."""
    now = datetime.now(UTC)
    line = seen_session(sight, session_id)
    facts = read_part("facts", lambda: page_facts(session_id, limit=MOST_FACTS))
    rounds = read_part("rounds", lambda: list_rounds(session_id, page=1, limit=MOST_ROUNDS))
    context = {
        **common(sight, line, "memory", now=now),
        **_archive(request, session_id, now=now),
        "facts": None if facts is None else [fact_row(each, now=now) for each in facts],
        "rounds": None if rounds is None else [round_row(each, session_id, now=now) for each in rounds],
    }
    return page(request, "dashboard/sessions/memory.html", sight, now, "sessions", context)


def _archive(request: HttpRequest, session_id: UUID, *, now: datetime) -> dict[str, Any]:
    """A page of the archive, or what has the words that the address asks for."""
    query = request.GET.get("q", "").strip()[:LONGEST_QUERY]
    before = _number(request.GET.get("before", ""))
    lines = read_part(
        "the archive", lambda: list_archives(session_id, query=query, before=before, limit=ARCHIVES_SHOWN)
    )
    has_older = lines is not None and len(lines) == ARCHIVES_SHOWN
    return {
        "archives": None if lines is None else [archive_row(each, session_id, now=now) for each in lines],
        "query": query,
        "is_older": before is not None,
        "query_part": urlencode({"q": query}) if query else "",
        "older_id": lines[-1].id if lines and has_older else "",
    }


@require_safe
@seen_by("details")
def archive(request: HttpRequest, session_id: UUID, archive_id: int, *, sight: Sight) -> HttpResponse:
    """Something in the archive, whole; a damaged one says so."""
    now = datetime.now(UTC)
    session = seen_session(sight, session_id)
    if archive_id > LARGEST_ID:
        raise Http404("There is nothing by that number in the archive.")
    try:
        row, body = get_archive(session_id, archive_id)
    except NotFound as error:
        raise Http404(error.detail) from error
    except DomainError as error:
        row, body, problem = None, "", error.detail
    else:
        problem = ""
    shared = common(sight, session, "memory", now=now)
    may_restore = row is not None and is_out(session_id, archive_id)
    context = {
        **shared,
        "archive": archive_row(row, session_id, now=now) if row else None,
        "archive_id": archive_id,
        "body": body[:LONGEST_BODY_CHARACTERS],
        "problem": problem,
        "may_restore": shared["may_act"] and may_restore,
    }
    return page(request, "dashboard/sessions/archive.html", sight, now, "sessions", context)


@require_safe
@seen_by("details")
def round_page(request: HttpRequest, session_id: UUID, round_id: UUID, *, sight: Sight) -> HttpResponse:
    """What agents said of one matter."""
    now = datetime.now(UTC)
    session = seen_session(sight, session_id)
    try:
        line = get_round(session_id, round_id)
    except NotFound as error:
        raise Http404(error.detail) from error
    run = find_run_line(round_id)
    context = {
        **common(sight, session, "memory", now=now),
        "round": round_row(line, session_id, now=now),
        "run": run_row(run) if run else None,
    }
    return page(request, "dashboard/sessions/round.html", sight, now, "sessions", context)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
