"""The log of a session as a timeline: pages of events from the log and from its archives."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast, Length

from config.kernel.errors import NotFound
from sessions_app.models import Archive, Event, Instance, Session
from sessions_app.selectors.state import Line, as_time, lines_of

MOST_EVENTS = 500
MOST_ARCHIVES = 8
"""So many archives are read for a view that is no timeline: one holds about half of the longest log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """A line of the log. `delta` is None where it was not asked for; `delta_bytes` says how long it is."""

    seq: int
    at: datetime
    kind: str
    actor: str
    agent: str
    epoch: int | None
    format: str
    delta: Any
    delta_bytes: int
    facts: dict[str, Any]
    tokens: int
    is_archived: bool = False

    @property
    def id(self) -> int:
        """What pages go by."""
        return self.seq


def list_events(
    session_id: UUID,
    *,
    after: int | None = None,
    before: int | None = None,
    kind: str | None = None,
    agent: str | None = None,
    with_deltas: bool = False,
    but: Collection[str] = (),
    since: datetime | None = None,
    most_archives: int | None = None,
    limit: int = 50,
) -> list[EventRow]:
    """Events newest first; those after a number oldest first.

    `kind` is one, or the first word of several: `handoff` for all of handoffs; `but` are kinds to leave out, `since`
    a time after which they are. What has left the log is read from its archives where a page reaches that far, from
    `most_archives` at most. Raises Conflict with code `archive_damaged`.
    """
    wanted = _Wanted(
        after=after or 0,
        before=before,
        kind=kind,
        agent=agent,
        with_deltas=with_deltas,
        but=tuple(but),
        since=since,
        most_archives=most_archives,
    )
    order = "seq" if after is not None else "-seq"
    # The log first: what is archived meanwhile is then read from both at worst, and never missed.
    rows = [_row(each) for each in wanted.of_log(session_id).order_by(order)[:limit]]
    if after is not None:
        earlier = wanted.archived(session_id, upto=rows[0].seq if rows else None, order="seq_from")
        return [*_first(earlier, limit), *rows][:limit]
    if len(rows) == limit:
        return rows
    upto = rows[-1].seq if rows else before
    return [*rows, *_first(wanted.archived(session_id, upto=upto, order="-seq_from"), limit - len(rows))]


def get_event(session_id: UUID, seq: int) -> EventRow:
    """One event with its delta. Raises NotFound."""
    found = list_events(session_id, after=seq - 1, before=seq + 1, with_deltas=True, limit=1) if seq >= 1 else []
    if not found:
        raise NotFound("The log has no event of this number.", field="seq", code="no_such_seq")
    return found[0]


def times_of(session_id: UUID, seqs: Collection[int], *, since: datetime) -> dict[int, datetime]:
    """When these events were; of those in archives as far as these were made after `since`, the newest of them."""
    times = dict(Event.objects.filter(session=session_id, seq__in=seqs).values_list("seq", "at"))
    missing = set(seqs) - times.keys()
    if not missing:
        return times
    made = Archive.objects.filter(
        session=session_id,
        kind=Archive.Kind.EVENTS,
        made_at__gt=since,
        seq_from__lte=max(missing),
        seq_to__gte=min(missing),
    )
    ranges = made.order_by("-seq_from").values_list("pk", "seq_from", "seq_to")
    wanted = [pk for pk, first, last in ranges if any(first <= seq <= last for seq in missing)]
    for archive in Archive.objects.filter(pk__in=wanted[:MOST_ARCHIVES]):
        found = {line["seq"]: line["at"] for line in lines_of(archive) if line["seq"] in missing}
        times.update((seq, datetime.fromisoformat(at)) for seq, at in found.items())
    return times


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    after: int
    before: int | None
    kind: str | None
    agent: str | None
    with_deltas: bool
    but: tuple[str, ...]
    since: datetime | None
    most_archives: int | None

    def of_log(self, session_id: UUID) -> QuerySet[Event, tuple[Any, ...]]:
        rows = Event.objects.filter(session_id=session_id)
        if self.after:
            rows = rows.filter(seq__gt=self.after)
        if self.before is not None:
            rows = rows.filter(seq__lt=self.before)
        if self.kind is not None:
            rows = rows.filter(Q(kind=self.kind) | Q(kind__startswith=f"{self.kind}."))
        if self.agent is not None:
            rows = rows.filter(instance__agent=self.agent)
        if self.but:
            rows = rows.exclude(kind__in=self.but)
        if self.since is not None:
            rows = rows.filter(at__gt=self.since)
        # Texts: what Django does with each time and each object takes longer than all else.
        at, facts = Cast("at", TextField()), Cast("facts", TextField())
        delta = "delta" if self.with_deltas else Length("delta")
        return rows.values_list(
            "seq", at, "kind", "actor", "instance__agent", "instance__epoch", "format", facts, "tokens", delta
        )

    def archived(self, session_id: UUID, *, upto: int | None, order: str) -> Iterator[EventRow]:
        """Rows from archives of numbers below `upto`, in the order of the archives."""
        if not Session.objects.filter(pk=session_id, archived_seq__gt=self.after).exists():
            return
        archives = Archive.objects.filter(session_id=session_id, kind=Archive.Kind.EVENTS, seq_to__gt=self.after)
        if upto is not None:
            archives = archives.filter(seq_from__lt=upto)
        if self.since is not None:
            archives = archives.filter(made_at__gt=self.since)
        lives = {each.pk: each for each in Instance.objects.filter(session_id=session_id)}
        for archive in archives.order_by(order)[: self.most_archives].iterator(chunk_size=1):
            lines = lines_of(archive)
            for line in reversed(lines) if order.startswith("-") else lines:
                instance = lives.get(line["instance"])
                if (upto is None or line["seq"] < upto) and self._takes(line, instance):
                    yield self._archived_row(line, instance)

    def _takes(self, line: Line, instance: Instance | None) -> bool:
        if line["seq"] <= self.after or (self.before is not None and line["seq"] >= self.before):
            return False
        if self.kind is not None and not f"{line['kind']}.".startswith(f"{self.kind}."):
            return False
        if line["kind"] in self.but or (self.since and datetime.fromisoformat(line["at"]) <= self.since):
            return False
        return self.agent is None or (instance is not None and instance.agent == self.agent)

    def _archived_row(self, line: Line, instance: Instance | None) -> EventRow:
        shown = {name: line[name] for name in ("seq", "kind", "actor", "format", "facts", "tokens")}
        return EventRow(
            **shown,
            at=datetime.fromisoformat(line["at"]),
            agent=instance.agent if instance else "",
            epoch=instance.epoch if instance else None,
            delta=json.loads(line["delta"]) if self.with_deltas and line["delta"] else None,
            delta_bytes=len(line["delta"]),
            is_archived=True,
        )


def _row(values: tuple[Any, ...]) -> EventRow:
    seq, at, kind, actor, agent, epoch, format, facts, tokens, delta = values
    return EventRow(
        seq=seq,
        at=as_time(datetime.fromisoformat(at)),
        kind=kind,
        actor=actor,
        agent=agent or "",
        epoch=epoch,
        format=format,
        delta=json.loads(delta) if isinstance(delta, str) and delta else None,
        delta_bytes=delta if isinstance(delta, int) else len(delta),
        facts=json.loads(facts) if facts != "{}" else {},
        tokens=tokens,
    )


def _first(rows: Iterable[EventRow], count: int) -> list[EventRow]:
    found: list[EventRow] = []
    for row in rows:
        if len(found) >= count:
            break
        found.append(row)
    return found
