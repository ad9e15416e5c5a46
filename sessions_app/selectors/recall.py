"""Memory of a session: four views over its facts, items, state, log and archive. What is older than its kind is kept
for is not shown here; it stays in the log and in the archive. What left these tables earlier is shown from there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Case, F, Q, QuerySet, TextField, When
from django.db.models.functions import Left

from sessions_app.domain.deltas import names_of
from sessions_app.domain.similar import most_alike, term_counts
from sessions_app.domain.words import STANDARD_KEYS, Component, FactKind, Tier
from sessions_app.models import Checkpoint, ContextItem, Fact, Instance, Session, StateItem
from sessions_app.selectors.alike import list_alike_of
from sessions_app.selectors.events import MOST_ARCHIVES, list_events, times_of
from sessions_app.selectors.policies import terms_of

MOST_ROWS = 500
"""Of each source, the newest: of those that a query is held against, of facts, items and state."""
MOST_EPISODES = 5_000
"""Of events and of checkpoints, on all pages together."""
EXCERPT_CHARACTERS = 300
SUMMARY_CHARACTERS = 2_000
"""Of a summary. The whole is with its checkpoint."""
QUIET_KINDS = ("state.changed", "usage.recorded", "fact.recorded", "fact.pinned", "item.loaded", "checkpoint.made")
"""Events that are no episodes, or are told by what they made."""
LASTING_KINDS = (
    FactKind.DECISION,
    FactKind.CONSTRAINT,
    FactKind.ARTIFACT,
    FactKind.CORRECTION,
    FactKind.FAILED,
    FactKind.PREFERENCE,
    FactKind.DISSENT,
)
SHARED_KINDS = (FactKind.DECISION, FactKind.CONSTRAINT, FactKind.CORRECTION, FactKind.FAILED, FactKind.PREFERENCE)


class MemoryKind(StrEnum):
    """Working: in use. Episodic: what happened. Semantic: what holds. Collective: what the team's sessions know."""

    WORKING = "working"
    EPISODIC = "episodic"
    SEMANTIC = "semantic"
    COLLECTIVE = "collective"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRow:
    """Something remembered. `source` and `ref` say where it stands; `until` is when it leaves this memory, None for
    what is pinned or in use."""

    source: str
    ref: str
    session_id: UUID
    text: str
    agent: str
    at: datetime
    until: datetime | None
    is_pinned: bool = False
    tokens: int | None = None


def kept_for(session: Session, kind: MemoryKind) -> timedelta:
    """How long the policy of a session keeps a kind of memory."""
    memory = terms_of(session).memory
    return {
        MemoryKind.WORKING: timedelta(minutes=memory.working_minutes),
        MemoryKind.EPISODIC: timedelta(days=memory.episodic_days),
        MemoryKind.SEMANTIC: timedelta(days=memory.semantic_days),
        MemoryKind.COLLECTIVE: timedelta(days=memory.collective_days),
    }[kind]


def recall(
    session: Session, kind: MemoryKind, *, now: datetime, query: str = "", most: int = MOST_ROWS
) -> list[MemoryRow]:
    """Memory of one kind, pinned first, then the newest; with a query, only what shares words with it, best first.

    No more than `most` episodes are looked for: ask for as many as are shown. Raises Conflict with code
    `archive_damaged` if they are read from an archive that does not agree with its hash.
    """
    kept = kept_for(session, kind)
    since = now - kept
    sources: dict[MemoryKind, Callable[[], Iterable[MemoryRow]]] = {
        MemoryKind.WORKING: lambda: _working(session, since, kept),
        MemoryKind.EPISODIC: lambda: _episodic(session, since, kept, min(most, MOST_EPISODES)),
        MemoryKind.SEMANTIC: lambda: _semantic(session, since, kept),
        MemoryKind.COLLECTIVE: lambda: _collective(session, since, kept),
    }
    rows = [row for row in sources[kind]() if row.until is None or row.until > now]
    if query:
        return _found(rows, query)
    return sorted(rows, key=lambda row: (row.is_pinned, row.at), reverse=True)


def _found(rows: list[MemoryRow], query: str) -> list[MemoryRow]:
    texts = {at: term_counts(row.text) for at, row in enumerate(rows)}
    return [rows[match.name] for match in most_alike(term_counts(query), texts, most=MOST_ROWS)]


def _working(session: Session, since: datetime, kept: timedelta) -> Iterable[MemoryRow]:
    yield from _state_rows(session, since, kept, Q(tier=Tier.HOT))
    yield from _items_in_use(session, since, kept)
    yield from _fact_rows(Q(session=session, kind=FactKind.OPEN), None)


def _episodic(session: Session, since: datetime, kept: timedelta, most: int) -> Iterable[MemoryRow]:
    """Events and summaries, the newest so many of each, wherever they are kept by now."""
    events = list_events(session.pk, but=QUIET_KINDS, since=since, most_archives=MOST_ARCHIVES, limit=most)
    for event in events:
        yield _row(session, "event", event.seq, _told(event.kind, event.facts), event.at, kept, agent=event.agent)
    summary = Case(
        When(tier=Checkpoint.Tier.ARCHIVED, then=F("archive__text")), default=F("summary"), output_field=TextField()
    )
    checkpoints = Checkpoint.objects.filter(session=session, at__gt=since)
    told = checkpoints.annotate(told=Left(summary, SUMMARY_CHARACTERS)).exclude(told="").order_by("-seq", "-id")
    for number, text, at in told.values_list("pk", "told", "at")[:most]:
        yield _row(session, "checkpoint", number, text, at, kept)


def _semantic(session: Session, since: datetime, kept: timedelta) -> Iterable[MemoryRow]:
    is_kept = Q(at__gt=since) | Q(is_pinned=True)
    yield from _fact_rows(Q(is_kept, session=session, kind__in=LASTING_KINDS), kept)
    yield from _knowledge(session, since, kept)


def _collective(session: Session, since: datetime, kept: timedelta) -> Iterable[MemoryRow]:
    shared = Q()
    for name in STANDARD_KEYS:
        shared |= Q(key=f"/{name}") | Q(key__startswith=f"/{name}/")
    yield from _state_rows(session, since, kept, shared)
    others = [row.session_id for row in list_alike_of(session, team_ids=[session.team_id])]
    yield from _fact_rows(Q(session__in=others, kind__in=SHARED_KINDS, at__gt=since), kept)


def _fact_rows(wanted: Q, kept: timedelta | None) -> Iterable[MemoryRow]:
    facts = Fact.objects.filter(wanted, superseded_by=None).order_by("-is_pinned", "-at", "-number")
    for fact in facts[:MOST_ROWS]:
        yield MemoryRow(
            source="fact",
            ref=str(fact.number),
            session_id=fact.session_id,
            text=fact.text,
            agent=fact.agent,
            at=fact.at,
            until=None if fact.is_pinned or kept is None else fact.at + kept,
            is_pinned=fact.is_pinned,
        )


def _items_in_use(session: Session, since: datetime, kept: timedelta) -> Iterable[MemoryRow]:
    items = ContextItem.objects.filter(instance__session=session, instance__status=Instance.Status.ACTIVE)
    return _item_rows(items.exclude(status=ContextItem.Status.UNLOADED), since, kept)


def _knowledge(session: Session, since: datetime, kept: timedelta) -> Iterable[MemoryRow]:
    """Knowledge that is in a window, or was: of each agent the life that used it last."""
    items = ContextItem.objects.filter(instance__session=session, component=Component.KNOWLEDGE)
    shown: set[tuple[str, str]] = set()
    for row in _item_rows(items, since, kept):
        if (row.agent, row.ref) not in shown:
            shown.add((row.agent, row.ref))
            yield row


def _item_rows(items: QuerySet[ContextItem], since: datetime, kept: timedelta) -> Iterable[MemoryRow]:
    """Items that were used, the last first. Of what was put away the words are in its archive."""
    rows = items.filter(Q(last_access_at__gt=since) | Q(is_pinned=True)).order_by("-last_access_at", "-pk")
    words = Case(
        When(text="", text_sha256__isnull=False, then=F("archive__text")), default=F("text"), output_field=TextField()
    )
    shown = rows.annotate(words=Left(words, EXCERPT_CHARACTERS)).defer("text").select_related("instance")
    for item in shown[:MOST_ROWS]:
        yield MemoryRow(
            source="item",
            ref=item.key,
            session_id=item.instance.session_id,
            text=item.words or item.locator or item.key,
            agent=item.instance.agent,
            at=item.last_access_at,
            until=None if item.is_pinned else item.last_access_at + kept,
            is_pinned=item.is_pinned,
            tokens=item.tokens,
        )


def _state_rows(session: Session, since: datetime, kept: timedelta, wanted: Q) -> Iterable[MemoryRow]:
    """Items of the state by when they were written or read last. Those of which no time is known are old."""
    items = list(StateItem.objects.filter(wanted, session=session).order_by("-changed_seq")[:MOST_ROWS])
    times = times_of(session.pk, {item.changed_seq for item in items}, since=since)
    for item in items:
        written = times.get(item.changed_seq, session.created_at)
        text = f"{' / '.join(names_of(item.key))}: {item.value or item.body or 'in the archive'}"
        yield _row(session, "state", item.key, text[:EXCERPT_CHARACTERS], max(written, item.read_at or written), kept)


def _row(
    session: Session, source: str, ref: object, text: str, at: datetime, kept: timedelta, *, agent: str = ""
) -> MemoryRow:
    return MemoryRow(source=source, ref=str(ref), session_id=session.pk, text=text, agent=agent, at=at, until=at + kept)


def _told(kind: str, facts: dict[str, Any]) -> str:
    said = ", ".join(f"{name} {value}" for name, value in facts.items() if isinstance(value, str | int | float))
    return f"{kind.replace('.', ' ')}: {said}" if said else kind.replace(".", " ")
