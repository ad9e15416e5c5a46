"""The audit log: every change of every audited thing, newest first, with what was before and after."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import CharField, F, ForeignKey, Model, OuterRef, QuerySet, Subquery, UniqueConstraint
from django.urls import NoReverseMatch, reverse

from config.administration.text import flat

KINDS = {"+": "created", "~": "changed", "-": "deleted"}
NAMING_FIELDS = ("title", "name", "username", "code")
ACTORS = ("key ", "person ", "command ")
"""How services begin the name of who acts, which they leave before the reason (`change_reason`)."""

Row = Any
"""A row of some historical model; they share no base class."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after, as text."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who did what, when and why."""

    at: datetime
    who: str
    kind: str
    model: str
    model_label: str
    object_name: str
    url: str
    reason: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which changes are wanted; None is any."""

    model_label: str | None = None
    user_id: int | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def audited_models() -> list[type[Model]]:
    """All models that keep a history, by name."""
    found = [model for model in apps.get_models() if hasattr(model._meta, "simple_history_manager_attribute")]
    return sorted(found, key=lambda model: str(model._meta.verbose_name))


def list_changes(question: Question, *, offset: int, limit: int) -> list[Change]:
    """Up to `limit` changes after the first `offset`, newest first.

    Each history is asked once for its newest rows, once more for the rows before those that are
    shown, and every table that they refer to once for names: the number of queries is bounded.
    """
    newest: list[tuple[type[Model], Row]] = []
    for model in audited_models():
        if question.model_label in (None, model._meta.label_lower):
            newest += [(model, row) for row in _rows(model, question)[: offset + limit]]
    newest.sort(key=lambda pair: pair[1].history_date, reverse=True)
    shown = newest[offset : offset + limit]
    before = _rows_before(shown)
    names = _Names((model, row) for model, row in [*shown, *before.items_with_model()])
    return [_change(model, row, before.get(row), names) for model, row in shown]


def _rows(model: type[Model], question: Question) -> QuerySet[Any]:
    history: QuerySet[Any] = getattr(model, model._meta.simple_history_manager_attribute).all()  # type: ignore[attr-defined]
    wanted = {
        "history_user_id": question.user_id,
        "history_type": question.kind,
        "history_date__gte": question.since,
        "history_date__lt": question.until,
    }
    key = model._meta.pk.attname
    earlier = history.model.objects.filter(**{key: OuterRef(key)}, history_id__lt=OuterRef("history_id")).order_by(
        "-history_id"
    )
    rows: QuerySet[Any] = (
        history.filter(**{name: value for name, value in wanted.items() if value is not None})
        .select_related("history_user")
        .annotate(before_id=Subquery(earlier.values("history_id")[:1]))
        .order_by(F("history_date").desc(), F("history_id").desc())
    )
    return rows


class _Before:
    """The row before each shown one, where it has one."""

    def __init__(self, found: dict[tuple[type[Model], int], Row]):
        self._found = found

    def get(self, row: Row) -> Row | None:
        """The row before `row`."""
        return self._found.get((type(row), row.before_id))

    def items_with_model(self) -> Iterator[tuple[type[Model], Row]]:
        """All of them, with the model they are the history of."""
        for row in self._found.values():
            yield row.instance_type, row


def _rows_before(shown: Iterable[tuple[type[Model], Row]]) -> _Before:
    wanted: dict[type[Model], list[int]] = defaultdict(list)
    for _, row in shown:
        if row.before_id is not None:
            wanted[type(row)].append(row.before_id)
    found: dict[tuple[type[Model], int], Row] = {}
    for history, ids in wanted.items():
        for pk, row in history.objects.in_bulk(ids).items():  # type: ignore[attr-defined]
            found[history, pk] = row
    return _Before(found)


class _Names:
    """Names of the rows that foreign keys of the histories point to, read table by table."""

    def __init__(self, rows: Iterable[tuple[type[Model], Row]]):
        wanted: dict[type[Model], set[Any]] = defaultdict(set)
        for _, row in rows:
            for field in row.tracked_fields:
                if isinstance(field, ForeignKey) and getattr(row, field.attname) is not None:
                    wanted[field.related_model].add(getattr(row, field.attname))  # type: ignore[index]
        self._names = {
            (model, pk): str(related)
            for model, pks in wanted.items()
            for pk, related in model._default_manager.select_related().in_bulk(list(pks)).items()
        }

    def text(self, field: Any, row: Row) -> str:
        """The value of a field for a person to read; empty for none."""
        value = getattr(row, field.attname)
        if value is None or value == "":
            return ""
        words = getattr(_page_of(row), "audit_text", None)
        if words and (text := words(row, field.name)) is not None:
            return str(text)
        if isinstance(field, ForeignKey):
            return self._names.get((field.related_model, value), f"{value} (deleted)")  # type: ignore[arg-type]
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False, sort_keys=True)
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d %H:%M:%S} UTC"
        return str(dict(field.flatchoices).get(value, value))


def _page_of(row: Row) -> Any:
    """The admin page of what a row is the history of: it knows how to write its amounts."""
    return admin.site._registry.get(row.instance_type)


def _who_and_why(row: Row) -> tuple[str, str]:
    """Who acted, and the reason given beside that."""
    kept = row.history_change_reason or ""
    actor, _, reason = kept.partition(": ") if kept.startswith(ACTORS) else ("", "", kept)
    if row.history_user:
        who = row.history_user.get_username()
        return who, reason if actor in ("", f"person {who}") else kept
    return actor or "the system", reason


def _change(model: type[Model], row: Row, before: Row | None, names: _Names) -> Change:
    who, reason = _who_and_why(row)
    return Change(
        at=row.history_date,
        who=who,
        kind=KINDS[row.history_type],
        model=str(model._meta.verbose_name),
        model_label=model._meta.label_lower,
        url=_history_url(model, row),
        object_name=_object_name(model, row, names),
        reason=reason,
        fields=tuple(_field_changes(row, before, names)),
    )


def _history_url(model: type[Model], row: Row) -> str:
    """The thing's own history page, where its admin has one."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_history"
    try:
        return reverse(name, args=[quote(str(getattr(row, model._meta.pk.attname)))])
    except NoReverseMatch:
        return ""


def _object_name(model: type[Model], row: Row, names: _Names) -> str:
    """A name of its own, or else the fields that make it unique."""
    fields = {field.name: field for field in row.tracked_fields}
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint) and constraint.condition is None:
            return " · ".join(names.text(fields[name], row) for name in constraint.fields if name in fields)
    named = next((fields[name] for name in NAMING_FIELDS if name in fields), None)
    return names.text(named, row) if named else str(getattr(row, model._meta.pk.attname))


def _field_changes(row: Row, before: Row | None, names: _Names) -> Iterator[FieldChange]:
    old = row if row.history_type == "-" else before if row.history_type == "~" else None
    new = None if row.history_type == "-" else row
    left_out = getattr(_page_of(row), "audit_leaves_out", ())
    for field in row.tracked_fields:
        if field.name in left_out:
            continue
        if not field.primary_key or isinstance(field, CharField):  # generated numbers say nothing
            yield from _one_field(field, old, new, names)
    yield from _many_to_many_changes(row, before)


def _one_field(field: Any, old: Row | None, new: Row | None, names: _Names) -> Iterator[FieldChange]:
    title = str(field.verbose_name)
    values = [getattr(row, field.attname) if row else None for row in (old, new)]
    if all(isinstance(value, dict) for value in values):  # of a large document only what differs
        leaves_before, leaves_after = (dict(flat(value)) for value in values)
        for path in {**leaves_before, **leaves_after}:
            if leaves_before.get(path) != leaves_after.get(path):
                yield FieldChange(f"{title} {path}", leaves_before.get(path, ""), leaves_after.get(path, ""))
        return
    earlier, after = (names.text(field, row) if row else "" for row in (old, new))
    if earlier != after:
        yield FieldChange(title, earlier, after)


def _many_to_many_changes(row: Row, before: Row | None) -> Iterator[FieldChange]:
    if before is None or not type(row)._history_m2m_fields:
        return
    names = [field.name for field in type(row)._history_m2m_fields]
    for change in row.diff_against(before, included_fields=names, foreign_keys_are_objs=True).changes:
        yield FieldChange(
            change.field.replace("_", " "), _listed(change.field, change.old), _listed(change.field, change.new)
        )


def _listed(field: str, rows: list[dict[str, Any]]) -> str:
    related = [next(value for key, value in row.items() if key != "user") for row in rows]
    return ", ".join(sorted(str(each) for each in related))
