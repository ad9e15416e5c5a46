"""What people fill in to make, change and end a budget."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.models import Budget
from config.administration.typed import AnyModelChoiceField

UNITS = [
    (Unit.TOKENS, "tokens"),
    (Unit.CARBON_G, "carbon, in grams of CO2e"),
    (Unit.MICRO_USD, "money, in millionths of a US dollar"),
]
PERIODS = [
    (Period.ONE_OFF, "once: the limit is never renewed"),
    (Period.HOUR, "an hour"),
    (Period.DAY, "a day"),
    (Period.WEEK, "a week, from Monday"),
    (Period.MONTH, "a month"),
]


def _owner(field_name: str, **options: Any) -> forms.ModelChoiceField[Any]:
    """A choice among organisations or teams, which another app owns."""
    column: Any = Budget._meta.get_field(field_name)
    field: forms.ModelChoiceField[Any] = column.formfield(widget=UnfoldAdminSelect2Widget, **options)
    if field_name == "team":  # a team is shown with its organisation
        field.queryset = column.related_model.objects.select_related("organisation")
    return field


class ParentField(AnyModelChoiceField):
    """A budget above, with its organisation, so that two of one name can be told apart."""

    def label_from_instance(self, obj: Any) -> str:
        """Organisation, name and unit."""
        return f"{obj.organisation}: {obj}"


class LimitField(forms.DecimalField):
    """An amount in the unit of the budget."""

    def __init__(self, **options: Any):
        super().__init__(max_digits=25, decimal_places=6, widget=UnfoldAdminDecimalFieldWidget, **options)


class NewBudgetForm(forms.Form):
    """A new budget, anywhere in the tree."""

    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget)
    organisation = _owner("organisation")
    team = _owner("team", required=False, help_text="Leave empty for a budget of the whole organisation.")
    parent = ParentField(
        queryset=Budget.objects.filter(deallocated_at=None).select_related("organisation"),
        required=False,
        widget=UnfoldAdminSelect2Widget,
        help_text="What this budget spends is also taken from the budget above it, whatever the unit of that one.",
    )
    unit = forms.ChoiceField(choices=UNITS, widget=UnfoldAdminSelectWidget)
    limit = LimitField(help_text="In the unit above.")
    period = forms.ChoiceField(label="Renewed every", choices=PERIODS, widget=UnfoldAdminSelectWidget)
    is_default = forms.BooleanField(
        label="Pays when a request of the team names no budget", required=False, widget=UnfoldBooleanWidget
    )

    def clean(self) -> dict[str, Any]:
        """The team must belong to the organisation, and only a team has a default budget."""
        given = super().clean() or {}
        team, organisation = given.get("team"), given.get("organisation")
        if team is not None and organisation is not None and team.organisation_id != organisation.pk:
            self.add_error("team", f"This team belongs to {team.organisation}.")
        if given.get("is_default") and "team" in given and team is None:
            self.add_error("is_default", "Choose the team whose requests it pays.")
        return given


class LimitForm(forms.Form):
    """Another limit, and why."""

    limit = LimitField()
    reason = forms.CharField(
        max_length=300, widget=UnfoldAdminTextInputWidget, help_text="Kept in the ledger beside the change."
    )
