"""Triage learns from outcomes: of calls that are finished, of what people say of them, of councils."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from config.kernel.errors import Conflict, NotFound
from sessions_app.domain.gateway.lessons import (
    Depth,
    Lesson,
    corrected,
    lesson_of_council,
    lesson_of_feedback,
    lesson_of_length,
)
from sessions_app.domain.gateway.terms import CACHED_SUMMARY, LessonSizes, Triage
from sessions_app.domain.words import Stance
from sessions_app.models import GatewayCall, TriageCorrection, TriageProgress, Turn
from sessions_app.selectors.gateway.board import LONGEST_CALL
from sessions_app.selectors.gateway.policies import get_gateway_policy
from sessions_app.services.gateway import knowledge

SETTLED_AFTER = timedelta(seconds=60)
"""A call's end is stored so much later than its time at most: until then others may yet come before it."""
SLICE = timedelta(minutes=10)

_Key = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What somebody says of an answer. At least one of `is_helpful` and `depth` is meant to be said."""

    is_helpful: bool | None = None
    depth: Depth | None = None
    note: str = ""


def learn_triage(*, now: datetime) -> int:
    """Let every call that has finished since the last time teach, oldest first; return how many lessons there were.

    Ten minutes of calls at a time: what they taught and how far it went are stored together, so a worker that dies
    teaches nothing twice. Several workers wait for each other.
    """
    lessons, until = 0, now - SETTLED_AFTER
    while (taught := _learn_slice(until)) is not None:
        lessons += taught
    if lessons:
        knowledge.forget()
    return lessons


def give_feedback(*, call_id: UUID, team_id: int, feedback: Feedback, actor: str, now: datetime) -> None:
    """Keep what the caller says of an answer, and learn from it. The same said again changes nothing.

    Raises NotFound for a call that is not the team's, Conflict with code `call_running` before its end,
    `call_unanswered` where there was no answer, and `feedback_given` where something else was said before. A stored
    summary that stood in for an answer teaches nothing.
    """
    said = {
        "helpful": feedback.is_helpful,
        "depth": feedback.depth.value if feedback.depth else None,
        "note": feedback.note,
    }
    with transaction.atomic():
        call = GatewayCall.objects.select_for_update().filter(pk=call_id, team=team_id).first()
        if call is None:
            raise NotFound("There is no such call.", field="call")
        if call.finished_at is None:
            raise Conflict("The call is not finished yet.", field="call", code="call_running")
        if call.status not in (GatewayCall.Status.ANSWERED, GatewayCall.Status.CUT):
            raise Conflict("The call was not answered.", field="call", code="call_unanswered")
        if call.feedback is not None:
            if {name: call.feedback.get(name) for name in said} == said:
                return
            raise Conflict("Feedback on this call was given before.", field="call", code="feedback_given")
        triage = {} if call.fallback == CACHED_SUMMARY else call.triage or {}
        terms = get_gateway_policy().terms.triage
        lesson = _lesson_of_words(feedback, triage, terms.lessons) if triage else None
        call.feedback = {**said, "by": actor, "at": now.isoformat(), "taught": lesson.words if lesson else ""}
        call.save(update_fields=["feedback"])
        kind = triage.get("kind")
        _teach([((team_id, kind), lesson)] if lesson and kind else [], terms, now=now)


def note_council(*, team_id: int, kind: str, round_id: UUID, now: datetime) -> None:
    """Learn from a council whether it was worth it; nothing where nobody took a stand. `kind` is triage's bucket of
    the call that it answered."""
    stances = set(Turn.objects.filter(round=round_id).exclude(stance=Stance.ABSTAIN).values_list("stance", flat=True))
    if not stances:
        return
    is_disputed = Stance.DISSENT in stances
    terms = get_gateway_policy().terms.triage
    with transaction.atomic():
        _teach([((team_id, kind), lesson_of_council(terms.lessons, is_disputed=is_disputed))], terms, now=now)


def _lesson_of_words(feedback: Feedback, triage: dict[str, Any], sizes: LessonSizes) -> Lesson | None:
    is_council = triage.get("mode") == "council"
    return lesson_of_feedback(sizes, is_helpful=feedback.is_helpful, depth=feedback.depth, is_council=is_council)


@transaction.atomic
def _learn_slice(until: datetime) -> int | None:
    """Lessons of the next slice of calls; None where there is no more of them."""
    TriageProgress.objects.get_or_create(pk=1, defaults={"through": until - SLICE})
    progress = TriageProgress.objects.select_for_update().get(pk=1)
    through = progress.through
    if through >= until:
        return None
    progress.through = min(until, through + SLICE)
    calls = GatewayCall.objects.filter(
        created_at__gt=through - LONGEST_CALL,
        finished_at__gt=through,
        finished_at__lte=progress.through,
        status=GatewayCall.Status.ANSWERED,
        usage_basis__in=(GatewayCall.UsageBasis.PROVIDER, GatewayCall.UsageBasis.COUNTED),
        triage__isnull=False,
        round__isnull=True,
        output_tokens__isnull=False,
    )
    columns = ("team_id", "triage", "output_tokens", "max_output_tokens")
    terms, rows = get_gateway_policy().terms.triage, calls.order_by("finished_at").values_list(*columns)
    taught = _teach(
        (each for row in rows if (each := _lesson_of(*row, sizes=terms.lessons))), terms, now=progress.through
    )
    progress.save(update_fields=["through"])
    return taught


def _lesson_of(
    team_id: int, triage: dict[str, Any], output_tokens: int, max_output_tokens: int | None, *, sizes: LessonSizes
) -> tuple[_Key, Lesson] | None:
    lesson = lesson_of_length(triage, sizes, output_tokens=output_tokens, max_output_tokens=max_output_tokens)
    return ((team_id, triage["kind"]), lesson) if lesson and triage.get("kind") else None


def _teach(lessons: Iterable[tuple[_Key, Lesson]], terms: Triage, *, now: datetime) -> int:
    """Move the corrections that lessons are about, in their order. Inside of the caller's transaction."""
    by_key: dict[_Key, list[Lesson]] = {}
    for key, lesson in lessons:
        by_key.setdefault(key, []).append(lesson)
    if not by_key:
        return 0
    # In one order everywhere: two who teach the same kinds wait for each other, never in a circle.
    for (team_id, kind), found in sorted(by_key.items()):
        _move(team_id, kind, found, terms, now=now)
    return sum(map(len, by_key.values()))


def _move(team_id: int, kind: str, lessons: list[Lesson], terms: Triage, *, now: datetime) -> None:
    TriageCorrection.objects.get_or_create(team_id=team_id, kind=kind, defaults={"updated_at": now})
    row = TriageCorrection.objects.select_for_update().get(team_id=team_id, kind=kind)
    for lesson in lessons:
        row.correction_points = corrected(row.correction_points, lesson, terms)
    row.outcomes += len(lessons)
    row.updated_at = now
    row.save(update_fields=["correction_points", "outcomes", "updated_at"])
