"""Templates: trees of budgets that sessions are begun with."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from budgets.admin.amounts import UNIT_WORDS, plain
from budgets.domain.templates import TemplateNode, parse_nodes
from budgets.domain.units import Unit
from budgets.models import BudgetTemplate
from budgets.services import save_template
from config.administration.base import AuditedAdmin, ReasonForm
from config.administration.pages import actor_of, add_refusal
from config.administration.typed import display
from config.kernel.actors import change_reason
from config.kernel.errors import DomainError

EXAMPLE = '[{"name": "Session", "limit": 1000, "level": "session", "children": [{"name": "Agent", "limit": 400}]}]'
BRANCH = "<li>{}: <strong>{}</strong>{}</li>"


class ReadableJson(json.JSONEncoder):
    """JSON that a person can change."""

    def __init__(self, **options: Any):
        super().__init__(**{**options, "indent": 2, "ensure_ascii": False})


class TemplateRowForm(ReasonForm):
    """A template whose tree can be made."""

    nodes = forms.JSONField(
        label="Budgets",
        encoder=ReadableJson,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 20, "class": "font-mono"}),
        help_text="As JSON: name and limit of each, and if you like level, pool, floor, overflow_percent,"
        f" warning_amounts and children. For example {EXAMPLE}",
    )

    def clean(self) -> dict[str, Any]:
        """Refuse beside the field what no tree can be made of."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if "nodes" in given and "unit" in given:
            try:
                parse_nodes(given["nodes"], Unit(given["unit"]))
            except DomainError as refusal:
                add_refusal(self, refusal)
        return given


@admin.register(BudgetTemplate)
class BudgetTemplateAdmin(AuditedAdmin):
    """Phases of a development cycle, operations of an agent, and what else you make from time to time."""

    form = TemplateRowForm
    list_display = ("title", "name", "shown_unit", "size", "description")
    search_fields = ("name", "title", "description")
    fieldsets = (
        (None, {"fields": (("title", "name"), "description", ("unit", "rationale"))}),
        ("What it makes", {"fields": ("shown_tree", "nodes")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Programs call it by its name, which stays."""
        return ("shown_tree", "name") if obj else ("shown_tree",)

    @display(description="Unit")
    def shown_unit(self, template: BudgetTemplate) -> str:
        """Of all its amounts."""
        return UNIT_WORDS[Unit(template.unit)]

    @display(description="Budgets")
    def size(self, template: BudgetTemplate) -> str:
        """How many it makes; unknown for one that can no longer be read."""
        nodes = _nodes(template)
        return "unknown" if nodes is None else str(sum(1 for node in nodes for _ in node.walk()))

    @display(description="Its tree")
    def shown_tree(self, template: BudgetTemplate) -> SafeString | str:
        """Names and limits, one below the other."""
        nodes = _nodes(template)
        return "It is shown once it is saved." if not nodes else _tree(nodes, UNIT_WORDS[Unit(template.unit)])

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """By the service, which keeps who and why."""
        names = ("name", "title", "description", "rationale", "nodes")
        save_template(
            **{name: getattr(obj, name) for name in names},
            unit=Unit(obj.unit),
            actor=change_reason(actor_of(request), form.cleaned_data.get("change_reason") or ""),
        )


def _nodes(template: BudgetTemplate) -> tuple[TemplateNode, ...] | None:
    try:
        return parse_nodes(template.nodes, Unit(template.unit))
    except DomainError:
        return None


def _tree(nodes: tuple[TemplateNode, ...], unit: str) -> SafeString:
    lines = (
        (node.name, f"{plain(node.limit)} {unit}", _tree(node.children, unit) if node.children else "")
        for node in nodes
    )
    return format_html('<ul class="pl-5">{}</ul>', format_html_join("", BRANCH, lines))
