"""What people fill in to say where alerts go."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from budgets.domain.alerts import AlertKind
from budgets.models import AlertChannel

ALERT_KINDS = [
    (AlertKind.PERCENT, "a percentage of the limit was passed (75, 85, 95 by default)"),
    (AlertKind.AMOUNT, "an amount was passed at which the budget warns"),
    (AlertKind.OVERDRAFT, "work used more than fitted into the budget"),
    (AlertKind.FORECAST, "it is forecast to run out before its period ends"),
    (AlertKind.NOTICE, "there is news of work that it pays for: it gave way to an emergency, or expired"),
]


def _owner(field_name: str, **options: Any) -> forms.ModelChoiceField[Any]:
    """A choice among organisations or teams, which another app owns."""
    column: Any = AlertChannel._meta.get_field(field_name)
    field: forms.ModelChoiceField[Any] = column.formfield(widget=UnfoldAdminSelect2Widget, **options)
    if field_name == "team":  # a team is shown with its organisation
        field.queryset = column.related_model.objects.select_related("organisation")
    return field


class ChannelFields(forms.Form):
    """What every channel says of itself."""

    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget, help_text="What people call it.")
    address = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextInputWidget,
        help_text="Of a webhook its URL, such as https://example.org/hook; of e-mail up to 20 addresses with commas.",
    )
    alert_kinds = forms.MultipleChoiceField(
        label="Alerts",
        choices=ALERT_KINDS,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="None chosen: all of them.",
    )
    least_percent = forms.IntegerField(
        label="Percentages from",
        initial=0,
        min_value=0,
        max_value=100,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Lower percentages are not told here. 0: all of them.",
    )
    is_active = forms.BooleanField(
        label="Active",
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
        help_text="Switched off, nothing is sent and what waits is given up.",
    )


class NewChannelForm(ChannelFields):
    """What a new channel needs."""

    organisation = _owner("organisation")
    team = _owner("team", required=False, help_text="Leave empty for alerts of every budget of the organisation.")
    kind = forms.ChoiceField(choices=AlertChannel.Kind.choices, widget=UnfoldAdminSelectWidget)
    field_order = ("name", "organisation", "team", "kind", "address", "alert_kinds", "least_percent", "is_active")
