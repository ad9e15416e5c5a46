"""Choosing a budget among thousands: typed, searched, and named with its organisation."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.widgets import AutocompleteSelect
from django.urls import reverse

from budgets.models import Budget
from config.administration.typed import AnyModelChoiceField


def budget_label(budget: Budget) -> str:
    """Organisation, name and unit, so that two of one name can be told apart."""
    return f"{budget.organisation}: {budget}"


class BudgetChoices(AutocompleteJsonView):
    """Budgets that are in use, a page at a time, found by their own name or that of their owners."""

    def get_queryset(self) -> Any:
        """With their organisations, which the labels name."""
        return super().get_queryset().filter(deallocated_at=None).select_related("organisation")

    def serialize_result(self, obj: Budget, to_field_name: str) -> dict[str, str]:
        """What the browser shows and sends."""
        return {"id": str(obj.pk), "text": budget_label(obj)}


class BudgetSelect(AutocompleteSelect):
    """A box to type in; only the budget that is chosen is in the page."""

    def get_url(self) -> str:
        """Where the choices come from."""
        return reverse("admin:budgets_budget_choices")


class BudgetField(AnyModelChoiceField):
    """One budget that is in use."""

    def __init__(self, **options: Any):
        super().__init__(
            queryset=Budget.objects.filter(deallocated_at=None).select_related("organisation"),
            widget=BudgetSelect(Budget._meta.get_field("parent"), admin.site),
            **options,
        )

    def label_from_instance(self, obj: Any) -> str:
        """As in the list of choices."""
        return budget_label(obj)
