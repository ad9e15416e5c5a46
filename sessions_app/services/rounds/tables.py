"""Round tables that teams set, to put one question after another to the same agents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.transactions import transactional
from sessions_app.domain.gateway.table import Table, TableError
from sessions_app.models import RoundTable
from sessions_app.selectors.round_runs import get_table, list_chat_models

MOST_TABLES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAsk:
    """Who is to sit there. `members` are `{name, role, model, memory, serves}`; `values` are weights by name."""

    members: Sequence[Mapping[str, Any]]
    values: Mapping[str, float] = field(default_factory=dict)
    reflective_model: str = ""


@transactional
def create_table(*, team_id: int, name: str, ask: TableAsk, actor: str, now: datetime) -> None:
    """Set a table. Raises InvalidInput naming the field, Conflict `name_in_use`."""
    table = seated(ask)
    if RoundTable.objects.filter(team_id=team_id).count() >= MOST_TABLES:
        raise Conflict(f"Your team has {MOST_TABLES} round tables. Remove one.", code="too_many_tables")
    try:
        with transaction.atomic():
            RoundTable.objects.create(team_id=team_id, name=name, created_by=actor, created_at=now, **table.facts)
    except IntegrityError as error:
        raise Conflict("Your team has a round table of this name.", field="name", code="name_in_use") from error


@transactional
def delete_table(*, team_id: int, name: str) -> None:
    """Remove a table; rounds keep theirs as it was when they began. Raises NotFound."""
    removed, _ = RoundTable.objects.filter(team_id=team_id, name=name).delete()
    if not removed:
        raise NotFound("Your team has no round table of this name.", field="name")


def seated(ask: TableAsk, *, residency: Collection[str] | None = None) -> Table:
    """The table of an ask. Raises InvalidInput naming the field; `unknown_model` for one that nothing serves,
    `no_model` for one that only the echo serves, which has no opinion, `no_model_there` for one that nothing serves
    in the countries of `residency`."""
    try:
        table = Table.seat(ask.members, values=ask.values, reflective_model=ask.reflective_model)
    except TableError as error:
        raise InvalidInput(error.detail, field=error.name) from error
    known = list_chat_models()
    if unknown := sorted(table.models - known.keys()):
        words = f"No deployment serves chat as {unknown[0]}."
        raise InvalidInput(words, field=_seat_of(table, unknown[0]), code="unknown_model")
    if echoes := sorted(each for each in table.models if not known[each]):
        words = (
            f"Only the built-in echo serves {echoes[0]}: it is no model, repeats what it is told and takes no stance. "
            "Name a model of a deployment that an administrator has connected."
        )
        raise InvalidInput(words, field=_seat_of(table, echoes[0]), code="no_model")
    if residency is not None:
        _check_residency(table, residency)
    return table


def _check_residency(table: Table, residency: Collection[str]) -> None:
    """Every model must be served where the words may go: nobody sits there who could not be asked."""
    there, countries = list_chat_models(residency=residency), ", ".join(residency)
    if missing := sorted(table.models - there.keys()):
        words = f"No deployment serves {missing[0]} in {countries}, and the text may go nowhere else."
        raise InvalidInput(words, field="residency", code="no_model_there")
    if echoes := sorted(each for each in table.models if not there[each]):
        words = f"In {countries} only the built-in echo serves {echoes[0]}: it is no model, and takes no stance."
        raise InvalidInput(words, field="residency", code="no_model")


def _seat_of(table: Table, model: str) -> str:
    return "members" if any(each.model == model for each in table.members) else "reflective_model"


def table_of(
    team_id: int, *, name: str | None, ask: TableAsk | None, residency: Collection[str] | None = None
) -> Table:
    """The table of a name, or that of these members. Raises InvalidInput as `seated`, or naming `table`."""
    if (name is None) == (ask is None):
        raise InvalidInput("Name a table, or say who sits there.", field="table", code="required")
    if ask is None:
        try:
            facts = get_table(team_id, name or "")
        except NotFound as error:
            raise InvalidInput(error.detail, field="table", code="unknown_table") from error
        ask = TableAsk(members=facts.members, values=facts.values, reflective_model=facts.reflective_model)
    return seated(ask, residency=residency)
