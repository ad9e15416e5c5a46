"""The tree of budgets. Amounts change through services only, so that the ledger stays true."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from budgets.admin.amounts import amount
from budgets.admin.change_forms import LimitForm
from budgets.admin.choices import BudgetChoices
from budgets.admin.forms import NewBudgetForm
from budgets.domain.bands import status_of, used_percent
from budgets.domain.periods import Period
from budgets.domain.units import Unit, from_steps
from budgets.models import Budget
from budgets.selectors import get_bands
from budgets.services import allot, create_budget, deallocate
from config.administration.base import AuditedAdmin
from config.administration.pages import WhyForm, actor_of, form_page, object_or_404, posted
from config.administration.typed import action, display

AMOUNTS = ("shown_limit", "shown_spent", "shown_reserved", "shown_available", "shown_overdraft")


@admin.register(Budget)
class BudgetAdmin(AuditedAdmin):
    """What organisations, teams, sessions and agents may spend."""

    list_display = ("shown_name", "organisation", "team", "period", *AMOUNTS[:4], "shown_used", "band")
    list_display_links = ("shown_name",)
    list_filter = ("unit", "period", "is_default", ("deallocated_at", admin.EmptyFieldListFilter))
    list_select_related = ("organisation", "team__organisation", "parent")
    search_fields = ("name", "organisation__name", "team__name")
    ordering = ("organisation__name", "depth", "name")
    audit_leaves_out = ("path_ids", "depth")  # the parent says it
    actions_detail = ("change_limit", "end")
    readonly_fields = (
        "organisation",
        "team",
        "parent",
        "unit",
        "period",
        "period_starts_at",
        "period_ends_at",
        "is_default",
        "created_at",
        "deallocated_at",
        "ledger",
        *AMOUNTS,
    )
    fieldsets = (
        (None, {"fields": ("name", ("organisation", "team"), "parent", "is_default")}),
        (
            "Amounts",
            {
                "fields": (AMOUNTS[:2], AMOUNTS[2:4], AMOUNTS[4], "ledger"),
                "description": "Use “Change the limit” and “End this budget” above: each writes a line in the ledger.",
            },
        ),
        (
            "Time",
            {"fields": (("unit", "period"), ("period_starts_at", "period_ends_at"), ("created_at", "deallocated_at"))},
        ),
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, with the bands read once for all rows."""
        self._bands = get_bands()
        return super().changelist_view(request, extra_context)

    @staticmethod
    def audit_text(row: Any, field: str) -> str | None:
        """How the audit log writes a field: a limit in the budget's unit, everything else as it does."""
        return amount(row, row.limit) if field == "limit" else None

    @display(description="Name", ordering="name")
    def shown_name(self, budget: Budget) -> str:
        """The name, set in by its depth in the tree."""
        return f"{'— ' * budget.depth}{budget.name}"

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

    @display(description="Used")
    def shown_used(self, budget: Budget) -> str:
        """Spent and reserved, of the limit."""
        return f"{used_percent(used=budget.spent + budget.reserved, limit=budget.limit):.0f} %"

    @display(
        description="Band",
        label={"ok": "success", "warn": "warning", "critical": "danger", "emergency": "danger", "ended": "info"},
    )
    def band(self, budget: Budget) -> str:
        """The band by the thresholds in force."""
        if budget.deallocated_at is not None:
            return "ended"
        return status_of(used=budget.spent + budget.reserved, limit=budget.limit, bands=self._bands)

    @display(description="Ledger")
    def ledger(self, budget: Budget) -> str:
        """A link to every change of this budget."""
        url = reverse("admin:budgets_ledgerentry_changelist")
        return format_html('<a href="{}?budget__id__exact={}">Every change of this budget</a>', url, budget.pk)

    def get_urls(self) -> list[URLPattern]:
        """With the choices of a box in which a budget is searched."""
        view = self.admin_site.admin_view(BudgetChoices.as_view(admin_site=self.admin_site))
        return [path("choices/", view, name="budgets_budget_choices"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Make a budget."""
        if not self.has_add_permission(request):
            raise PermissionDenied

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
            )
            return f"The budget {given['name']} was created."

        form = NewBudgetForm(posted(request))
        return form_page(
            request, model_admin=self, form=form, call=create, title="Add budget", submit="Create the budget"
        )

    def has_allot_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return request.user.has_perm("budgets.change_budget")

    @action(description="Change the limit", icon="tune", permissions=["allot"])
    def change_limit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Set another limit, with a reason."""
        budget = object_or_404(request, self, object_id)

        def call(given: dict[str, Any]) -> str:
            allot(
                budget_id=UUID(object_id),
                limit=given["limit"],
                actor=actor_of(request),
                reason=given["reason"],
                now=timezone.now(),
            )
            return "The limit was changed."

        initial = {"limit": from_steps(Unit(budget.unit), budget.limit).normalize()}
        return form_page(
            request,
            model_admin=self,
            form=LimitForm(posted(request), initial=initial),
            call=call,
            title=f"Limit of {budget.name}",
            submit="Change the limit",
            intro=f"In {budget.unit}. {amount(budget, budget.spent + budget.reserved)} are spent or reserved already.",
            object_id=object_id,
        )

    @action(description="End this budget", icon="block", permissions=["allot"])
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Deallocate, with a reason."""

        def call(given: dict[str, Any]) -> str:
            deallocate(budget_id=UUID(object_id), actor=actor_of(request), reason=given["reason"], now=timezone.now())
            return "The budget was ended."

        return form_page(
            request,
            model_admin=self,
            form=WhyForm(posted(request)),
            call=call,
            title="End this budget",
            submit="End it",
            intro="What is not spent goes back. Open holds and budgets below it must be closed first.",
            object_id=object_id,
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Budgets are ended, so that the ledger keeps its sums."""
        return False
