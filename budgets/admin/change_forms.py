"""What people fill in to change an amount of a budget that exists, each time with a reason."""

from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from budgets.admin.choices import BudgetField
from budgets.admin.forms import LimitField
from budgets.models import BudgetTemplate
from config.administration.pages import LONGEST_REASON_CHARACTERS
from config.administration.text import choices_of


def reason_field() -> forms.CharField:
    """Why; it ends up in the ledger."""
    return forms.CharField(
        max_length=LONGEST_REASON_CHARACTERS,
        widget=UnfoldAdminTextInputWidget,
        help_text="Kept in the ledger beside the change.",
    )


class LimitForm(forms.Form):
    """Another limit, and why."""

    limit = LimitField()
    reason = reason_field()


class CorrectionForm(forms.Form):
    """What was spent, put right."""

    amount = LimitField(
        label="Add to what was spent",
        help_text="In its unit. A minus takes away what was booked too much; no budget goes below zero"
        " or above its limit.",
    )
    reason = reason_field()


class SwarmForm(forms.Form):
    """A new budget below, for a swarm of agents."""

    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget)
    amount = LimitField(
        required=False,
        min_value=0,
        help_text="In the budget's unit. Empty: the allotment that Thresholds name for swarms.",
    )


class TransferForm(forms.Form):
    """Quota that moves to another budget."""

    to = BudgetField(
        label="To", help_text="A budget of the same unit. What it gets is added to its limit, and taken from this one."
    )
    amount = LimitField(min_value=0, help_text="In the budget's unit.")
    reason = reason_field()


class TemplateForm(forms.Form):
    """A tree of budgets from a template."""

    template = forms.ChoiceField(
        choices=lambda: choices_of(BudgetTemplate._meta.label),
        widget=UnfoldAdminSelectWidget,
        help_text="Its limits can be changed afterwards, one by one.",
    )
    name = forms.CharField(
        max_length=120, widget=UnfoldAdminTextInputWidget, help_text="Of the budget at the top of the new tree."
    )
    parent = BudgetField(
        label="Below",
        help_text="The budget that the new tree hangs under. Its organisation and its team pay.",
    )


class ExportForm(forms.Form):
    """Which part of the ledger leaves, and how."""

    budget = BudgetField(help_text="A budget that has ended is exported from its own page.")
    subtree = forms.BooleanField(
        required=False, initial=True, label="With all budgets below it", widget=UnfoldBooleanWidget
    )
    format = forms.ChoiceField(
        choices=[("csv", "CSV, for spreadsheets"), ("parquet", "Parquet, for programs")],
        widget=UnfoldAdminSelectWidget,
    )
    since = forms.DateField(
        required=False, label="From day", widget=UnfoldAdminTextInputWidget({"type": "date"}), help_text="UTC; counts."
    )
    until = forms.DateField(
        required=False,
        label="Before day",
        widget=UnfoldAdminTextInputWidget({"type": "date"}),
        help_text="UTC; does not count.",
    )
