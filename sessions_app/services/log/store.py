"""What an event reads and writes: the items that it touches, its line, the head of its session."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from config.kernel.raw import run
from sessions_app.domain.deltas import Items, Touched
from sessions_app.domain.words import Tier
from sessions_app.models import MOST_HOT_BYTES, Archive, Event, Instance, Session, StateItem
from sessions_app.selectors.state import text_of_item
from sessions_app.selectors.statements import Table, here

HEAD = ("head_seq", "last_event_at", "digest", "state_bytes", "body_seq", "delta_bytes")
"""What an event moves in the row of its session."""
OWN = ("kind", "actor", "instance_id", "format", "delta", "facts", "tokens", "key")
"""Columns of an event that are not those of the head."""
MOST_NAMES = 400
"""Names in one statement. Who needs more of a state reads all of it."""
_UPSERTED = ("tier", "value", "body", "archive_id", "bytes", "changed_seq")

SESSIONS, EVENTS, INSTANCES, ITEMS = Table(Session), Table(Event), Table(Instance), Table(StateItem)
HEADS = Table(Session, "id", "team_id", "status", "policy_id", "overrides", *HEAD)

_ITEMS_BESIDE = (
    "i.key, i.value, i.body, a.body " + f"FROM {HEADS.name} LEFT JOIN {ITEMS.name} i ON i.session_id = {HEADS.name}.id"
)
_ARCHIVES_BESIDE = f"LEFT JOIN {Archive._meta.db_table} a ON a.id = i.archive_id"
_READ = (
    "SELECT i.key, i.value, i.body, a.body "
    + f"FROM {ITEMS.name} i LEFT JOIN {Archive._meta.db_table} a ON a.id = i.archive_id WHERE i.session_id = %s"
)
_LINE = f'INSERT INTO "{EVENTS.name}" (session_id, seq, at, digest, {", ".join(OWN)})'
_HEAD = f'UPDATE "{SESSIONS.name}" SET {", ".join(f"{name} = %s" for name in HEAD)} WHERE id = %s'  # noqa: S608
_IF_FIRST = "AND head_seq = %s AND digest = %s AND status = 'open'"
_ITEMS = f'INSERT INTO "{ITEMS.name}" (session_id, key, {", ".join(_UPSERTED)}, salience)'
_ITEM = (
    f"new.key, CASE WHEN length(new.value) <= {MOST_HOT_BYTES} THEN '{Tier.HOT}' ELSE '{Tier.WARM}' END, "
    f"CASE WHEN length(new.value) <= {MOST_HOT_BYTES} THEN new.value END, "
    f"CASE WHEN length(new.value) > {MOST_HOT_BYTES} THEN new.value END, NULL, length(new.value)"
)
"""What a new item is by its key and its text. What fits is hot: whoever writes an item works with it."""
_OR_CHANGE = "ON CONFLICT (session_id, key) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in _UPSERTED
)


def find_locked(session_id: UUID) -> Session | None:
    """The row of a session, locked where the database locks rows."""
    ending = "FOR UPDATE" if connection.vendor == "postgresql" else ""
    return SESSIONS.find("id = %s", {"id": session_id}, ending=ending)


def find_line(session_id: UUID, key: str) -> Event | None:
    """The event of a key, if the log has it still."""
    return EVENTS.find("session_id = %s AND key = %s", {"session_id": session_id, "key": key})


def find_active(session_id: UUID, agent: str) -> Instance | None:
    """The active instance of an agent."""
    values = {"session_id": session_id, "agent": agent}
    return INSTANCES.find("session_id = %s AND agent = %s AND status = 'active'", values)


def read_items(session: Session, touched: Touched) -> Items:
    """Canonical JSON of the items that a delta touches (or of more), by their pointers."""
    condition, values = _is_touched(touched)
    rows = run(f"{_READ} AND ({condition})", [*ITEMS.prepared({"session_id": session.pk}), *values])
    return {key: text_of_item(value, body, archived) for key, value, body, archived in rows}


def read_unlocked(session_id: UUID, touched: Touched) -> tuple[Session, Items] | None:
    """The head of a session and the items that a delta touches, as they are at one moment."""
    condition, values = _is_touched(touched)
    sql = f"SELECT {HEADS.columns}, {_ITEMS_BESIDE} AND ({condition}) {_ARCHIVES_BESIDE} WHERE {HEADS.name}.id = %s"
    rows = run(sql, [*values, *HEADS.prepared({"id": session_id})])
    if not rows:
        return None
    items = {row[-4]: text_of_item(*row[-3:]) for row in rows if row[-4] is not None}
    return HEADS.instance(rows[0][:-4]), items


def _is_touched(touched: Touched) -> tuple[str, list[Any]]:
    """The condition on items `i` for what a delta touches."""
    names = sorted(touched.exact | touched.below)
    if touched.everything or len(names) > MOST_NAMES:
        return "TRUE", []
    conditions = [f"i.key IN ({_places(names)})"] if names else ["FALSE"]
    # Not LIKE, which would take some letters of a name for others and, on SQLite, small ones for large.
    conditions += ["substr(i.key, 1, CAST(%s AS integer)) = %s"] * len(touched.below)
    return " OR ".join(conditions), names + [
        part for key in sorted(touched.below) for part in (len(key) + 1, f"{key}/")
    ]


def write_event(session: Session, line: dict[str, Any], written: Items, gone: set[str]) -> None:
    """Store a line, the items that it changed and the head as it is in `session`, which is locked."""
    _write(session, line, written, gone, "", [])


def write_unlocked(session: Session, line: dict[str, Any], written: Items, gone: set[str], *, after: bytes) -> bool:
    """The same, in a transaction of its own, if the session is open and its head is still that before `line`.

    `after` is the digest of that head. False: somebody was first, and nothing was written.
    """
    values = [session.head_seq - 1, after]
    if connection.vendor == "postgresql":  # which commits a statement by itself
        return _write(session, line, written, gone, _IF_FIRST, values)
    with transaction.atomic():
        return _write(session, line, written, gone, _IF_FIRST, values)


def _write(
    session: Session, line: dict[str, Any], written: Items, gone: set[str], condition: str, values: list[Any]
) -> bool:
    """Whether the condition on the head, with these values, was true; if not, nothing was written."""
    at, key = SESSIONS.prepared({"last_event_at": session.last_event_at, "id": session.pk})
    digest = bytes(session.digest)
    head = [session.head_seq, at, digest, session.state_bytes, session.body_seq, session.delta_bytes, key, *values]
    (facts,) = EVENTS.prepared({"facts": line["facts"]})
    own = [facts if name == "facts" else line[name] for name in OWN]
    more, less = json.dumps(written, ensure_ascii=False), json.dumps(list(gone), ensure_ascii=False)
    if connection.vendor == "postgresql":
        given = [each for each, is_some in ((less, gone), (more, written)) if is_some]
        return bool(run(_at_once(condition, bool(gone), bool(written)), [*head, *own, *given]))
    if not run(f"{_HEAD} {condition} RETURNING id", head):
        return False
    run(f"{_LINE} VALUES (%s, %s, %s, %s, {_places(OWN)})", [key, session.head_seq, at, digest, *own])
    if gone:
        sql = f'DELETE FROM "{ITEMS.name}" WHERE session_id = %s AND key IN (SELECT value FROM json_each(%s))'  # noqa: S608  # our own names
        run(sql, [key, less])
    if written:
        sql = f"{_ITEMS} SELECT %s, {_ITEM}, %s, 0.0 FROM json_each(%s) AS new WHERE TRUE {_OR_CHANGE}"  # noqa: S608  # our own names
        run(sql, [key, session.head_seq, more])
    return True


@lru_cache
def _at_once(condition: str, is_less: bool, is_more: bool) -> str:
    """All of it as one statement of PostgreSQL, which saves trips and, outside of a transaction, commits by itself.

    Its first part moves the head and waits for whoever holds the session's lock; what the others write comes
    from the row that it returns, so without one they write nothing.
    """
    parts = [
        f"head AS ({_HEAD} {condition} RETURNING id, head_seq, last_event_at, digest)",
        f"line AS ({_LINE} SELECT head.*, {_typed(EVENTS, OWN)} FROM head)",  # noqa: S608  # our own names
    ]
    if is_less:
        names = "SELECT json_array_elements_text(%s::json)"
        parts.append(f"gone AS (DELETE FROM {ITEMS.name} USING head WHERE session_id = head.id AND key IN ({names}))")  # noqa: S608  # our own names
    if is_more:
        new = "json_each_text(%s::json) AS new"
        parts.append(f"come AS ({_ITEMS} SELECT head.id, {_ITEM}, head.head_seq, 0.0 FROM head, {new} {_OR_CHANGE})")  # noqa: S608  # our own names
    return f"WITH {', '.join(parts)} SELECT id FROM head"  # noqa: S608  # our own names


def _typed(table: Table[Any], names: tuple[str, ...]) -> str:
    """Places for columns with their types, without lengths: a cast would cut what storing refuses as too long."""
    types = (str(table.fields[name].db_type(here())).split("(")[0] for name in names)
    return ", ".join(f"%s::{each}" for each in types)


def _places(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))
