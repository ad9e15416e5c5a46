"""What a person may ask of a page, checked and with words for what cannot be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from budgets.domain.adjustments import AdjustmentKind
from climate.domain.places import RegionFacts
from dashboard.presentation.ledger import KIND_WORDS

MOST_HOURS_AHEAD = 96
LONGEST_DURATION_HOURS = 24
JOB_UNITS = (("kwh", "kWh of energy"), ("g", "g CO₂e if run now"))


class GreenestForm(forms.Form):
    """When and where to run a job."""

    hours = forms.IntegerField(label="Look ahead, hours", min_value=1, max_value=MOST_HOURS_AHEAD, initial=48)
    duration = forms.IntegerField(label="Job takes, hours", min_value=1, max_value=LONGEST_DURATION_HOURS, initial=4)
    home = forms.ChoiceField(label="Home region, to compare with", required=False)
    job = forms.FloatField(label="Size of the job", min_value=0, max_value=1e12, required=False)
    unit = forms.ChoiceField(label="Unit", choices=JOB_UNITS, required=False)
    regions = forms.MultipleChoiceField(label="Regions", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, regions: Iterable[RegionFacts], **kwargs: Any):
        super().__init__(*args, **kwargs)
        choices = [(region.code, f"{region.code} · {region.city or region.name}") for region in regions]
        self.fields["regions"].choices = choices  # type: ignore[attr-defined]
        self.fields["home"].choices = [("", "none"), *choices]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """A job fits into the hours looked at."""
        values = super().clean() or {}
        if {"hours", "duration"} <= values.keys() and values["duration"] > values["hours"]:
            self.add_error("duration", "The job is longer than the hours to look at.")
        return values


class DecisionForm(forms.Form):
    """A decision on an emergency, with its reason."""

    reason = forms.CharField(label="Reason", max_length=300, error_messages={"required": "Say why."})


LARGEST_AMOUNT = 10**18


def _time_field(label: str) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


class LedgerForm(forms.Form):
    """Which entries of a ledger to list. Times are UTC."""

    kind = forms.ChoiceField(label="Kind", choices=[("", "Every kind"), *KIND_WORDS.items()], required=False)
    actor = forms.CharField(label="Actor", max_length=120, required=False)
    since = _time_field("Since, UTC")
    until = _time_field("Until, UTC")

    def clean(self) -> dict[str, Any]:
        """A span ends after it began."""
        values = super().clean() or {}
        if values.get("since") and values.get("until") and values["since"] >= values["until"]:
            self.add_error("until", "The end is not after the beginning.")
        return values


class AdviceForm(forms.Form):
    """How much somebody would ask for."""

    tokens = forms.IntegerField(label="Tokens to ask for", min_value=1, max_value=10**12)


class ReasonForm(forms.Form):
    """A change that takes a reason and nothing else."""

    reason = forms.CharField(label="Reason", max_length=300, error_messages={"required": "Say why."})


class AllotForm(ReasonForm):
    """Another limit, in the budget's unit."""

    limit = forms.DecimalField(label="Limit", max_value=LARGEST_AMOUNT)


class AdjustmentForm(ReasonForm):
    """A change by hand; a limit and a correction take an amount in the budget's unit."""

    kind = forms.ChoiceField(
        label="Change",
        choices=[
            (AdjustmentKind.LIMIT.value, "Another base limit"),
            (AdjustmentKind.SPENT.value, "Correct what was spent, + or −"),
            (AdjustmentKind.RESET.value, "Reset"),
            (AdjustmentKind.SINGLE.value, "Let one person be enough"),
        ],
    )
    amount = forms.DecimalField(label="Amount", max_value=LARGEST_AMOUNT, min_value=-LARGEST_AMOUNT, required=False)
