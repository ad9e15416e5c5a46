"""The tree of budgets. Amounts and settings change through services only, so that ledger and history stay true."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from budgets.admin.amounts import amount
from budgets.admin.changes import ChangeActions
from budgets.admin.choices import BudgetChoices
from budgets.admin.forms import NewBudgetForm
from budgets.admin.ledger import export_address
from budgets.admin.tree_actions import TreeActions
from budgets.domain.bands import status_of, used_percent
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.models import Budget
from budgets.selectors import get_bands
from budgets.services import create_budget
from config.administration.base import AuditedAdmin
from config.administration.pages import actor_of, form_page, posted
from config.administration.typed import display

AMOUNTS = ("shown_limit", "shown_spent", "shown_reserved", "shown_available", "shown_overdraft")
PARTS = (
    ("base_limit", "allotted"),
    ("carried", "carried over"),
    ("pooled", "from the pool"),
    ("bonus", "earned or bought"),
)
BAND_COLOURS = {"ok": "success", "warn": "warning", "critical": "danger", "emergency": "danger", "ended": "info"}
IN_STEPS = ("limit", "pool", "floor")


@admin.register(Budget)
class BudgetAdmin(ChangeActions, TreeActions, AuditedAdmin):
    """What organisations, teams, sessions and agents may spend."""

    list_display = ("name", "level", "parent", "organisation", "team", "period", *AMOUNTS[:4], "shown_used", "band")
    list_filter = (
        ("organisation", AutocompleteSelectFilter),
        ("level", ChoicesDropdownFilter),
        ("unit", ChoicesDropdownFilter),
        "model_class",
        ("period", ChoicesDropdownFilter),
        ("gear", ChoicesDropdownFilter),
        "needs_two",
        "is_default",
        ("deallocated_at", admin.EmptyFieldListFilter),
    )
    list_filter_sheet = True
    list_select_related = ("organisation", "team__organisation", "parent")
    search_fields = ("name", "organisation__name", "team__name")
    ordering = ("organisation__name", "depth", "name")
    audit_leaves_out = ("path_ids", "depth")  # the parent says it
    actions_list = ("tree", "from_template")
    actions_detail = (
        "change_limit",
        "configure",
        "reset",
        "rebalance_below",
        {"title": "More", "items": ["correct", "transfer", "swarm", "propose_shares", "lift_four_eyes", "end"]},
    )
    readonly_fields = (
        "period_starts_at",
        "period_ends_at",
        "created_at",
        "deallocated_at",
        "made_of",
        "shown_pool",
        "shown_floor",
        "warnings",
        "records",
        *AMOUNTS,
    )
    fieldsets = (
        (None, {"fields": (("name", "level"), ("organisation", "team"), ("parent", "is_default"), "records")}),
        (
            "Amounts",
            {
                "fields": (AMOUNTS[:2], AMOUNTS[2:4], (AMOUNTS[4], "made_of")),
                "description": "They change by the pages above only. Each change is a line in the ledger.",
            },
        ),
        (
            "Time",
            {
                "fields": (
                    ("unit", "model_class"),
                    ("period", "window_hours"),
                    ("period_starts_at", "period_ends_at"),
                    ("created_at", "deallocated_at"),
                )
            },
        ),
        (
            "Settings",
            {
                "fields": (
                    ("rollover_percent", "rollover_cap_percent"),
                    ("shown_pool", "overflow_percent", "shown_floor"),
                    ("tradeable_percent", "warnings"),
                    ("gear", "needs_two"),
                )
            },
        ),
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, with the bands read once for all rows."""
        self._bands = get_bands()
        return super().changelist_view(request, extra_context)

    def get_urls(self) -> list[URLPattern]:
        """With the choices of a box in which a budget is searched."""
        view = self.admin_site.admin_view(BudgetChoices.as_view(admin_site=self.admin_site))
        return [path("choices/", view, name="budgets_budget_choices"), *super().get_urls()]

    @staticmethod
    def audit_text(row: Any, field: str) -> str | None:
        """How the audit log writes a field: amounts in the budget's unit, everything else as it does."""
        if field == "warning_amounts":
            return ", ".join(amount(row, steps) for steps in row.warning_amounts)
        return amount(row, getattr(row, field)) if field in IN_STEPS else None

    @display(description="Limit", ordering="limit")
    def shown_limit(self, budget: Budget) -> str:
        """What may be spent in the period."""
        return amount(budget, budget.limit)

    @display(description="Spent", ordering="spent")
    def shown_spent(self, budget: Budget) -> str:
        """What was spent in the period."""
        return amount(budget, budget.spent)

    @display(description="Reserved", ordering="reserved")
    def shown_reserved(self, budget: Budget) -> str:
        """What open holds keep."""
        return amount(budget, budget.reserved)

    @display(description="Available")
    def shown_available(self, budget: Budget) -> str:
        """What is left."""
        return amount(budget, budget.limit - budget.spent - budget.reserved)

    @display(description="Overdraft")
    def shown_overdraft(self, budget: Budget) -> str:
        """What was used beyond the limit by work that had been let in."""
        return amount(budget, budget.overdraft)

    @display(description="The limit is made of")
    def made_of(self, budget: Budget) -> str:
        """What was allotted, what came on top, and what left."""
        parts = ((getattr(budget, name), words) for name, words in PARTS)
        made = ", ".join(f"{amount(budget, steps)} {words}" for steps, words in parts if steps)
        return f"{made}, less {amount(budget, budget.sold)} sold or lent away" if budget.sold else made

    @display(description="Pool for the budgets below")
    def shown_pool(self, budget: Budget) -> str:
        """What they may draw, and have drawn."""
        return f"{amount(budget, budget.pool)}, of which {amount(budget, budget.pool_drawn)} are drawn"

    @display(description="Floor")
    def shown_floor(self, budget: Budget) -> str:
        """What rebalancing leaves it."""
        return amount(budget, budget.floor)

    @display(description="Also warns at")
    def warnings(self, budget: Budget) -> str:
        """Amounts, rising."""
        return ", ".join(amount(budget, steps) for steps in budget.warning_amounts) or "no other amounts"

    @display(description="Used")
    def shown_used(self, budget: Budget) -> str:
        """Spent and reserved, of the limit."""
        return f"{used_percent(used=budget.spent + budget.reserved, limit=budget.limit):.0f}\u00a0%"

    @display(description="Band", label=BAND_COLOURS)
    def band(self, budget: Budget) -> str:
        """The band by the thresholds in force."""
        if budget.deallocated_at is not None:
            return "ended"
        return status_of(used=budget.spent + budget.reserved, limit=budget.limit, bands=self._bands)

    @display(description="Records")
    def records(self, budget: Budget) -> SafeString:
        """Links to what explains its figures, and to its ledger as a file, with those of all budgets below it."""
        lists = (
            ("Ledger", "ledgerentry"),
            ("Holds", "hold"),
            ("Leases", "escrowlease"),
            ("Past periods", "periodrecord"),
            ("Alerts", "budgetalert"),
        )
        tree = format_html('<a href="{}?root={}">In the tree</a>', reverse("admin:budgets_budget_tree"), budget.pk)
        links = ((reverse(f"admin:budgets_{model}_changelist"), budget.pk, words) for words, model in lists)
        files = (
            (export_address(budget=budget, format=form, subtree=True), words)
            for form, words in (("csv", "Export as CSV"), ("parquet", "as Parquet"))
        )
        return (
            tree
            + format_html_join("", ' · <a href="{}?budget__id__exact={}">{}</a>', links)
            + format_html_join("", ' · <a href="{}">{}</a>', files)
        )

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Make a budget; below another one where the address names it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewBudgetForm(posted(request), initial=self._beginning(request))

        def create(given: dict[str, Any]) -> str:
            create_budget(
                name=given["name"],
                organisation_id=given["organisation"].pk,
                team_id=given["team"].pk if given["team"] else None,
                parent_id=given["parent"].pk if given["parent"] else None,
                unit=Unit(given["unit"]),
                limit=given["limit"],
                period=Period(given["period"]),
                actor=actor_of(request),
                now=timezone.now(),
                is_default=given["is_default"],
                model_class=given["model_class"],
                **form.knobs(),
            )
            return f"The budget {given['name']} was created."

        return form_page(
            request, model_admin=self, form=form, call=create, title="Add budget", submit="Create the budget"
        )

    def _beginning(self, request: HttpRequest) -> dict[str, Any]:
        """What a budget below another one takes from it."""
        above = self.get_object(request, request.GET.get("parent", ""))
        if above is None:
            return {}
        same = ("organisation", "team", "unit", "model_class", "period")
        return {"parent": above, **{name: getattr(above, name) for name in same}}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The page shows; the pages above it change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Budgets are ended, so that the ledger keeps its sums."""
        return False
