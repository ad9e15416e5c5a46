"""Reads of templates of trees."""

from __future__ import annotations

from budgets.domain.templates import TemplateFacts, parse_nodes
from budgets.domain.units import Unit
from budgets.models import BudgetTemplate


def list_templates() -> list[TemplateFacts]:
    """Templates that trees can be made from, by name."""
    return [
        TemplateFacts(
            name=row.name,
            title=row.title,
            description=row.description,
            unit=Unit(row.unit),
            nodes=parse_nodes(row.nodes, Unit(row.unit)),
            rationale=row.rationale,
        )
        for row in BudgetTemplate.objects.order_by("name")
    ]
