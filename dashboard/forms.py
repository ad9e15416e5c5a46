"""What a person may ask of a page, checked and with words for what cannot be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from climate.domain.places import RegionFacts

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
