"""The state of a session: as it stands, and as it stood after any event or at any time."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from config.kernel.errors import InvalidInput, NotFound
from config.kernel.raw import run
from sessions_app.domain.deltas import DIGEST_BYTES, Items, State, folded, parsed_all, state_of
from sessions_app.domain.words import Tier
from sessions_app.models import Archive, Event, Session, StateBody, StateItem
from sessions_app.selectors.archives import read_body

Line = dict[str, Any]
"""An event as an archive keeps it: every column by its name, times in ISO 8601, the digest in hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFacts:
    """A state and where in the log it stands; `digest` is in hex."""

    seq: int
    at: datetime
    state: State
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the log of a session stands."""

    seq: int
    at: datetime
    digest: str


def get_state(session_id: UUID, *, tiers: frozenset[Tier] = frozenset(Tier)) -> StateFacts:
    """The state as it stands, or its items of some tiers only. Raises NotFound."""
    head, items = read_head(session_id, tiers=tiers)
    return StateFacts(seq=head.seq, at=head.at, state=state_of(sorted(items.items())), digest=head.digest)


def read_head(session_id: UUID, *, tiers: frozenset[Tier] = frozenset(Tier)) -> tuple[Head, Items]:
    """Where the log stands, and the items of these tiers then. Raises NotFound.

    In one statement: between two of them somebody may write, and head and items would be of two states.
    """
    sql = _HEAD_AND_ITEMS.format(tiers=", ".join(["%s"] * len(tiers)))
    key = _key(session_id)
    rows = run(sql, [key, key, *sorted(str(tier) for tier in tiers)])
    head = next((row for row in rows if row[0] is not None), None)
    if head is None:
        raise NotFound("There is no such session.", field="session")
    items = {name: text_of_item(value, body, kept) for *_, name, value, body, kept in rows if name is not None}
    return Head(seq=head[0], at=as_time(head[1]), digest=bytes(head[2]).hex()), items


_HEAD_AND_ITEMS = (
    "SELECT head_seq, last_event_at, digest, NULL, NULL, NULL, NULL "
    + f"FROM {Session._meta.db_table} WHERE id = %s UNION ALL "
    + "SELECT NULL, NULL, NULL, i.key, i.value, i.body, a.body "
    + f"FROM {StateItem._meta.db_table} i LEFT JOIN {Archive._meta.db_table} a ON a.id = i.archive_id "
    + "WHERE i.session_id = %s AND i.tier IN ({tiers})"
)
"""The head in a row of its own: beside every item it would be sent and read as often."""


def text_of_item(value: str | None, body: str | None, archived: bytes | memoryview | None) -> str:
    """Canonical JSON of an item, wherever it is kept."""
    if value is not None:
        return value
    if body is not None:
        return body
    if archived is None:
        raise AssertionError("The database holds every item somewhere.")
    return zlib.decompress(archived).decode()


def get_state_at(session_id: UUID, seq: int) -> StateFacts:
    """The state after event `seq`, folded from the nearest body before it. Raises NotFound."""
    key = _key(session_id)
    lines = run(_SINCE_BODY, [key, seq, key, seq])
    if not lines or lines[-1][0] != seq or (lines[0][5] is None and lines[0][0] > 1):
        return _archived_state(session_id, seq)
    state: State = json.loads(zlib.decompress(lines[0][5])) if lines[0][5] is not None else {}
    changes = [line for line in lines if line[1] and line[5] is None]
    for (_, format, *_), delta in zip(changes, parsed_all(line[2] for line in changes), strict=True):
        state = folded(state, format, delta)
    return StateFacts(seq=seq, at=as_time(lines[-1][3]), state=state, digest=bytes(lines[-1][4]).hex())


def _archived_state(session_id: UUID, seq: int) -> StateFacts:
    """The same where the log alone does not tell it."""
    head = Session.objects.filter(pk=session_id).values_list("head_seq", "created_at").first()
    if head is None:
        raise NotFound("There is no such session.", field="session")
    if not 0 <= seq <= head[0]:
        raise NotFound(f"The log has events 1 to {head[0]}.", field="at", code="no_such_seq")
    bodies = StateBody.objects.filter(session_id=session_id, seq__lte=seq).order_by("-seq").values_list("seq", "body")
    since, body = bodies.first() or (0, None)
    state: State = json.loads(zlib.decompress(body)) if body is not None else {}
    at, digest = head[1], bytes(DIGEST_BYTES).hex()
    for line in lines_between(session_id, since - 1, seq):
        at, digest = datetime.fromisoformat(line["at"]), line["digest"]
        if line["format"] and line["seq"] > since:
            state = folded(state, line["format"], json.loads(line["delta"]))
    return StateFacts(seq=seq, at=at, state=state, digest=digest)


def _key(session_id: UUID) -> Any:
    return Session._meta.pk.get_db_prep_value(session_id, connection)


def as_time(at: datetime) -> datetime:
    """A time as a database tells it."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)  # SQLite has no zones


_SINCE_BODY = (
    "SELECT e.seq, e.format, e.delta, e.at, e.digest, b.body "
    + f"FROM {Event._meta.db_table} e LEFT JOIN {StateBody._meta.db_table} b "
    + "ON b.session_id = e.session_id AND b.seq = e.seq "
    + "WHERE e.session_id = %s AND e.seq <= %s AND e.seq >= COALESCE((SELECT max(seq) "
    + f"FROM {StateBody._meta.db_table} WHERE session_id = %s AND seq <= %s), 0) ORDER BY e.seq"
)
"""The nearest body before, beside the event that it is of, and the events since."""


def seq_at(session_id: UUID, at: datetime) -> int:
    """The number of the last event not after `at`; 0 before the first. Times in a log never fall."""
    head = Session.objects.filter(pk=session_id).values_list("head_seq", flat=True).first()
    if head is None:
        raise NotFound("There is no such session.", field="session")
    lowest, highest = 0, head
    while lowest < highest:
        middle = (lowest + highest + 1) // 2
        if _stamp(session_id, middle)[0] <= at:
            lowest = middle
        else:
            highest = middle - 1
    return lowest


def point_of(session_id: UUID, at: str) -> int:
    """A point of the log that a caller names by number or by time. Raises InvalidInput naming `at`."""
    if at.isdecimal() and len(at) < 19:
        return int(at)
    try:
        time = datetime.fromisoformat(at)
    except ValueError as error:
        raise InvalidInput("This is neither the number of an event nor a time in ISO 8601.", field="at") from error
    if time.tzinfo is None:
        raise InvalidInput("Say the offset of the time from UTC, such as Z.", field="at")
    return seq_at(session_id, time)


def lines_between(session_id: UUID, after_seq: int, to_seq: int) -> Iterator[Line]:
    """Events after one up to another, oldest first, from archives and from the log.

    Raises Conflict with code `archive_damaged` if an archive is not what was archived.
    """
    rows = Event.objects.filter(session_id=session_id, seq__gt=after_seq, seq__lte=to_seq).order_by("seq")
    # The log first: what is archived meanwhile is then read twice at worst, and never missed.
    recent = [_line(*row) for row in rows.values_list(*_LINE_COLUMNS)]
    highest = recent[0]["seq"] - 1 if recent else to_seq
    if after_seq < highest:
        yield from archived_lines(session_id, after_seq, highest)
    yield from recent


def archived_lines(session_id: UUID, after_seq: int, to_seq: int) -> Iterator[Line]:
    """Those of them that have left the log."""
    archives = Archive.objects.filter(
        session_id=session_id, kind=Archive.Kind.EVENTS, seq_to__gt=after_seq, seq_from__lte=to_seq
    )
    for archive in archives.order_by("seq_from"):
        yield from (line for line in lines_of(archive) if after_seq < line["seq"] <= to_seq)


def lines_of(archive: Archive) -> list[Line]:
    """The events that an archive keeps. Raises Conflict with code `archive_damaged`."""
    lines: list[Line] = json.loads(read_body(archive))
    return lines


def line_of(event: Event) -> Line:
    """An event as archives and exports keep it."""
    return _line(*(getattr(event, name) for name in _LINE_COLUMNS))


_LINE_COLUMNS = (
    "seq",
    "at",
    "kind",
    "actor",
    "instance_id",
    "format",
    "delta",
    "facts",
    "tokens",
    "key",
    "digest",
)


def _line(seq: int, at: datetime, kind: str, actor: str, instance: int | None, *rest: Any) -> Line:
    format, delta, facts, tokens, key, digest = rest
    return {
        "seq": seq,
        "at": at.isoformat(),
        "kind": kind,
        "actor": actor,
        "instance": instance,
        "format": format,
        "delta": delta,
        "facts": facts,
        "tokens": tokens,
        "key": key,
        "digest": bytes(digest).hex(),
    }


def _stamp(session_id: UUID, seq: int) -> tuple[datetime, str]:
    row = Event.objects.filter(session_id=session_id, seq=seq).values_list("at", "digest").first()
    if row is not None:
        return row[0], bytes(row[1]).hex()
    line = next(lines_between(session_id, seq - 1, seq))
    return datetime.fromisoformat(line["at"]), line["digest"]
