"""Whole sessions leave and come as one JSON document, checked before anything of it is believed."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, transaction
from django.db.models import Field, ForeignKey, Model

from config.kernel.errors import Conflict, InvalidInput
from config.kernel.terms import TermError
from config.kernel.transactions import transactional
from sessions_app.domain.deltas import DeltaError, text_of_state
from sessions_app.domain.folding import Fold
from sessions_app.domain.terms import SessionTerms
from sessions_app.models import Archive, Event, Instance, Session, SessionPolicy, StateBody, StateItem
from sessions_app.selectors import exports
from sessions_app.selectors.exports import FORMAT, PARTS, SESSION_COLUMNS, VERSION, Part, columns_of, hash_of
from sessions_app.selectors.policies import get_policy_in_force, overridden, terms_of
from sessions_app.services.log import Draft, append, locked

MOST_EVENTS = 200_000
MOST_ARCHIVE_BYTES = 64 * 1024 * 1024
ROWS_AT_ONCE = 500
NAMES = {"policy", "session", "events", *(part.name for part in PARTS)}


@transactional
def export_session(*, session_id: UUID, team_id: int | None = None, now: datetime) -> dict[str, Any]:
    """The document of a session as it is at one moment: nobody writes to it meanwhile.

    Raises NotFound, or Conflict with code `archive_damaged`.
    """
    locked(session_id, team_id=team_id, may_be_ended=True)
    return exports.export_session(session_id, now=now)


@transactional
def import_session(
    *, document: dict[str, Any], team_id: int, actor: str, external_id: str | None = None, now: datetime
) -> UUID:
    """Make a session of a document, in this team, with ids of its own, and return its id.

    Nothing of it is changed but what is of another deployment: budgets and holds stay behind, the policy is
    ours of that name (or the default). Every line of its log is folded anew and must give its digest.
    Raises InvalidInput that names the part at fault, with nothing stored: `format`, `sha256.x`, `x`, or
    Conflict if the team has a session of that external id, for which `external_id` gives another.
    """
    parts = _checked(document)
    reader = _Reader(parts=parts, team_id=team_id, actor=actor, now=now)
    try:
        with transaction.atomic():
            session = reader.read(external_id)
    except (IntegrityError, DataError) as error:
        raise _damaged(reader.at, "its rows contradict each other or the rest") from error
    facts = {"source_policy": parts["policy"].get("name"), "events": len(parts["events"])}
    append(session, Draft(kind="session.imported", actor=actor, facts=facts), now=now)
    return session.pk


def _checked(document: Any) -> dict[str, Any]:
    """The parts of a document whose hashes agree."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InvalidInput("This is no exported session.", field="format", code="foreign")
    if document.get("version") != VERSION:
        raise InvalidInput(f"This is of a version that is not known: {VERSION} is.", field="version", code="foreign")
    parts, hashes = document.get("parts"), document.get("sha256")
    if not isinstance(parts, dict) or not isinstance(hashes, dict):
        raise _damaged("parts", "it has none")
    if wrong := sorted(NAMES ^ set(parts)):
        raise _damaged(wrong[0], "the document has it not" if wrong[0] in NAMES else "nobody knows such a part")
    for name in sorted(NAMES):
        if hashes.get(name) != hash_of(parts[name]):
            raise InvalidInput(f"{name} is not what was exported.", field=f"sha256.{name}", code="damaged")
        expected = dict if name in ("policy", "session") else list
        if not isinstance(parts[name], expected):
            raise _damaged(name, f"it is no {'object' if expected is dict else 'list'}")
    return parts


def _damaged(name: str, why: str) -> InvalidInput:
    return InvalidInput(f"{name}: {why}.", field=name, code="damaged")


@dataclass(slots=True)
class _Reader:
    """Reads the parts in order; `at` is the one that it reads."""

    parts: dict[str, Any]
    team_id: int
    actor: str
    now: datetime
    at: str = "session"
    unpacked_bytes: int = 0
    known: dict[tuple[type[Model], Any], Any] = field(default_factory=dict)

    def read(self, external_id: str | None) -> Session:
        session = self._session(external_id)
        for part in PARTS:
            self.at = part.name
            self._table(part, session)
        self.at = "events"
        fold = self._events(session)
        self.at = "state_items"
        _check_items(session, fold)
        return session

    def _session(self, external_id: str | None) -> Session:
        given = self.parts["session"]
        if set(given) != set(SESSION_COLUMNS):
            raise _damaged("session", "it has other columns")
        values = {name: _decoded(Session._meta.get_field(name), given[name], self.at) for name in SESSION_COLUMNS}
        if external_id is not None:
            values["external_id"] = external_id
        wanted = values["external_id"]
        if wanted and Session.objects.filter(team_id=self.team_id, external_id=wanted).exists():
            raise Conflict(
                "Your team has a session of this external id.", field="external_id", code="external_id_in_use"
            )
        policy = _policy(self.parts["policy"])
        _check_overrides(policy, values["overrides"])
        session = Session(**values, policy=policy, team_id=self.team_id, created_by=self.actor)
        session.save(force_insert=True)
        return session

    def _table(self, part: Part, session: Session) -> None:
        columns = {column.attname: column for column in columns_of(part)}
        later: list[tuple[Model, str, int | str]] = []
        rows, ids = [], []
        for given in self.parts[part.name]:
            if not isinstance(given, dict) or set(given) != set(columns):
                raise _damaged(part.name, "a row has other columns")
            row = part.model()
            if part.path == "session":
                row.session_id = session.pk  # type: ignore[attr-defined]  # every such table has it
            for name, column in columns.items():
                self._set(row, column, given[name], later)
            if isinstance(row, Archive):
                self.unpacked_bytes += _check_archive(row, MOST_ARCHIVE_BYTES - self.unpacked_bytes)
            key = part.model._meta.pk.attname
            ids.append(given.get(key))
            if key == "id":
                row.pk = part.model._meta.pk.get_default()
            rows.append(row)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part.model._default_manager.bulk_create(rows[start : start + ROWS_AT_ONCE])
        self.known |= {(part.model, old): row.pk for old, row in zip(ids, rows, strict=True)}
        for row, name, old in later:
            setattr(row, name, self._ours(part.model, old))
            row.save(update_fields=[name.removesuffix("_id")])

    def _set(self, row: Model, column: Field[Any, Any], value: Any, later: list[tuple[Model, str, int | str]]) -> None:
        if not isinstance(column, ForeignKey) or value is None:
            setattr(row, column.attname, _decoded(column, value, self.at))
        elif column.related_model is type(row):
            later.append((row, column.attname, value))
        else:
            setattr(row, column.attname, self._ours(column.related_model, value))

    def _ours(self, model: Any, old: Any) -> Any:
        """Our id of a row that stands in the document."""
        if not isinstance(old, int | str) or (model, old) not in self.known:
            raise _damaged(self.at, f"it points to {model._meta.model_name} {old!r}, which is not there")
        return self.known[model, old]

    def _events(self, session: Session) -> Fold:
        """Store the log, line by line, each checked against the state that it makes."""
        fold, events = Fold(), list[Event]()
        lines = self.parts["events"]
        if len(lines) != session.head_seq or len(lines) > MOST_EVENTS:
            raise _damaged("events", f"there are {len(lines)}, the session tells {session.head_seq}")
        for seq, line in enumerate(lines, start=1):
            event = self._event(session, seq, line)
            if events and event.at < events[-1].at:
                raise _damaged("events", f"time falls at {seq}")
            _fold_in(fold, event)
            events.append(event)
            session.delta_bytes += len(event.delta)
            if event.delta and _is_body_due(session, seq, fold):
                _store_body(session, seq, fold)
        Event.objects.bulk_create(events, batch_size=ROWS_AT_ONCE)
        if fold.digest != bytes(session.digest):
            raise _damaged("session", "its digest is not that of its state")
        session.state_bytes, session.archived_seq = fold.bytes, 0
        session.save()
        return fold

    def _event(self, session: Session, seq: int, line: Any) -> Event:
        names = ("at", "kind", "actor", "format", "delta", "facts", "tokens", "key")
        if not isinstance(line, dict) or set(line) != {*names, "seq", "instance", "digest"} or line["seq"] != seq:
            raise _damaged("events", f"line {seq} is not event {seq}")
        values = {name: _decoded(Event._meta.get_field(name), line[name], "events") for name in names}
        instance_id = None if line["instance"] is None else self._ours(Instance, line["instance"])
        try:
            digest = bytes.fromhex(line["digest"])
        except (TypeError, ValueError) as error:
            raise _damaged("events", f"line {seq} has no digest") from error
        return Event(session=session, seq=seq, instance_id=instance_id, digest=digest, **values)


def _decoded(column: Any, value: Any, part: str) -> Any:
    """A value as its column has it, checked by what the column allows."""
    try:
        if value is None and not column.null:
            raise ValidationError("it is missing")
        if not isinstance(value, (str, int, float, type(None))) and column.get_internal_type() != "JSONField":
            raise ValidationError("it is of another kind")
        decoded = column.to_python(value)
        column.run_validators(decoded)
        if column.get_internal_type() == "JSONField" and not _has_shape(column, value):
            raise ValidationError("it is of another kind")
        if column.choices and value is not None and decoded not in dict(column.flatchoices):
            raise ValidationError("it is not one of its choices")
    except (ValidationError, ValueError, TypeError, OverflowError) as error:
        why = error.messages[0] if isinstance(error, ValidationError) else str(error)
        raise _damaged(part, f"{column.name}: {why}") from error
    return bytes(decoded) if isinstance(decoded, memoryview) else decoded


def _has_shape(column: Any, value: Any) -> bool:
    """Whether JSON is the object or the list that its readers take for granted."""
    return value is None or not column.has_default() or isinstance(value, type(column.get_default()))


def _policy(given: dict[str, Any]) -> SessionPolicy:
    """Ours of the same name and terms, whichever version; else the one in force of that name; else the default."""
    ours = SessionPolicy.objects.filter(name=str(given.get("name"))[:40])
    same = next((each for each in ours.order_by("-version") if each.body == given.get("body")), None)
    return same or ours.filter(is_current=True).first() or get_policy_in_force()


def _check_overrides(policy: SessionPolicy, overrides: Any) -> None:
    try:
        SessionTerms.read(overridden(policy.body, overrides))
    except (TermError, KeyError, TypeError, AttributeError) as error:
        raise _damaged("session", "its overrides are no terms of our policy") from error


def _check_archive(archive: Archive, most_bytes: int) -> int:
    """The bytes of its body. All of a document unpack to a bounded number: a few kilobytes may be gigabytes."""
    reader = zlib.decompressobj()
    try:
        body = reader.decompress(archive.body, most_bytes + 1)
        body.decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise _damaged("archives", "one cannot be unpacked") from error
    if len(body) > most_bytes:
        raise _damaged("archives", f"they unpack to more than {MOST_ARCHIVE_BYTES} bytes")
    if not reader.eof or sha256(body).digest() != bytes(archive.sha256):
        raise _damaged("archives", "one does not agree with its hash")
    if archive.kind == Archive.Kind.EVENTS:
        raise _damaged("archives", "events are told as events")
    return len(body)


def _fold_in(fold: Fold, event: Event) -> None:
    try:
        if event.format:
            fold.take(event.format, json.loads(event.delta))
    except (DeltaError, ValueError, RecursionError) as error:
        raise _damaged("events", f"line {event.seq} cannot be folded") from error
    if fold.digest != event.digest:
        raise _damaged("events", f"line {event.seq} makes a state of another digest")


def _is_body_due(session: Session, seq: int, fold: Fold) -> bool:
    terms = terms_of(session).checkpoints
    if seq - session.body_seq < terms.body_events:
        return False
    return session.delta_bytes >= fold.bytes * terms.body_percent // 100


def _store_body(session: Session, seq: int, fold: Fold) -> None:
    text = text_of_state(fold.items).encode()
    StateBody.objects.create(session=session, seq=seq, sha256=sha256(text).digest(), body=zlib.compress(text, 6))
    session.body_seq, session.delta_bytes = seq, 0


def _check_items(session: Session, fold: Fold) -> None:
    """One by one, and no archive is unpacked further than its item is long: many items may point to one archive."""
    rows = StateItem.objects.filter(session=session).values_list("key", "value", "body", "archive__body")
    count = 0
    for key, value, body, kept in rows.iterator(chunk_size=ROWS_AT_ONCE):
        text = fold.items.get(key)
        told = value if value is not None else body if body is not None else _unpacked(kept, text or "")
        if text is None or told != text:
            raise _damaged("state_items", "they are not what the log makes")
        count += 1
    if count != len(fold.items):
        raise _damaged("state_items", "they are not what the log makes")


def _unpacked(kept: bytes | memoryview | None, expected: str) -> str:
    try:
        raw = zlib.decompressobj().decompress(bytes(kept or b""), len(expected) + 1)
    except zlib.error as error:
        raise _damaged("state_items", "one cannot be unpacked") from error
    return raw.decode(errors="replace")
