"""Trees of budgets made from a template, and the templates themselves."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction

from budgets.domain.periods import Period
from budgets.domain.templates import TemplateNode, parse_nodes
from budgets.domain.units import Unit
from budgets.models import BudgetTemplate
from budgets.services.tree import create_budget
from config.kernel.errors import InvalidInput, NotFound

SHIPPED = Path(__file__).resolve().parent.parent / "data" / "templates.json"


@transaction.atomic
def make_tree(
    *,
    template: str,
    name: str,
    parent_id: UUID | None,
    organisation_id: int,
    team_id: int | None,
    actor: str,
    now: datetime,
) -> UUID:
    """Make all budgets of a template, one-off, or none of them; return the id of the uppermost, called `name`.

    A template with several budgets side by side gets one above them, of their sum. Raises NotFound
    for the template, InvalidInput for what `create_budget` refuses.
    """
    row = BudgetTemplate.objects.filter(pk=template).first()
    if row is None:
        raise NotFound("There is no such template.", field="template")
    unit = Unit(row.unit)
    nodes = parse_nodes(row.nodes, unit)
    top = nodes[0] if len(nodes) == 1 else _above(nodes)

    def make(node: TemplateNode, name: str, parent_id: UUID | None) -> UUID:
        budget_id = create_budget(
            name=name,
            organisation_id=organisation_id,
            team_id=team_id,
            parent_id=parent_id,
            unit=unit,
            limit=node.limit,
            period=Period.ONE_OFF,
            actor=actor,
            now=now,
            level=node.level,
            pool=node.pool,
            floor=node.floor,
            overflow_percent=node.overflow_percent,
            warning_amounts=node.warning_amounts,
        )
        for child in node.children:
            make(child, child.name, budget_id)
        return budget_id

    return make(top, name, parent_id)


@transaction.atomic
def save_template(
    *, name: str, title: str, description: str, unit: Unit, nodes: Any, rationale: str, actor: str
) -> None:
    """Make a template or change it; the history keeps who and why. Raises InvalidInput naming the field."""
    if not title.strip():
        raise InvalidInput("A template has a title.", field="title")
    parse_nodes(nodes, unit)
    row = BudgetTemplate.objects.filter(pk=name).first() or BudgetTemplate(name=name)
    row.title, row.description, row.unit, row.nodes, row.rationale = title, description, unit, nodes, rationale
    row._change_reason = actor  # type: ignore[attr-defined]  # read by simple-history
    row.save()


def load_templates() -> int:
    """Create the shipped templates that are missing; those an administrator changed stay. Returns how many."""
    made = 0
    for shipped in json.loads(SHIPPED.read_text()):
        name = shipped.pop("name")
        parse_nodes(shipped["nodes"], Unit(shipped["unit"]))
        _, is_new = BudgetTemplate.objects.get_or_create(name=name, defaults=shipped)
        made += is_new
    return made


def _above(nodes: tuple[TemplateNode, ...]) -> TemplateNode:
    return TemplateNode(name="", limit=sum((node.limit for node in nodes), Decimal(0)), children=nodes)
