"""The forms about emergencies and their policy: one field for each thing that can be said, no JSON."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from climate.admin.moments import utc_moment
from climate.domain.alerts import AlertLevel, DisasterKind
from climate.domain.emergency_policy import Answer
from climate.domain.providers import PROVIDERS, Brings
from climate.services.purposes import list_known_purposes
from config.administration.pages import WhyForm
from config.administration.text import choices_of, pretty_json

KINDS = [(each.value, each.label) for each in DisasterKind]
ANSWERS = [
    (Answer.ACTIVATE, "declare at once"),
    (Answer.PROPOSE, "propose, a person decides"),
    (Answer.IGNORE, "nothing"),
]


def known_countries() -> list[tuple[str, str]]:
    """All countries, to choose from."""
    return choices_of("climate.Country")


def known_feeds() -> list[tuple[str, str]]:
    """The sources that tell of disasters."""
    return [(each.name, each.title) for each in PROVIDERS.values() if each.brings == Brings.ALERTS]


def _number(**options: Any) -> forms.DecimalField:
    widget = UnfoldAdminTextInputWidget({"inputmode": "decimal", "autocomplete": "off"})
    return forms.DecimalField(widget=widget, **options)


class DeclareForm(forms.Form):
    """An emergency that a person declares."""

    title = forms.CharField(max_length=300, widget=UnfoldAdminTextInputWidget)
    kind = forms.ChoiceField(choices=KINDS, widget=UnfoldAdminSelectWidget)
    countries = forms.MultipleChoiceField(
        label="Affected countries", choices=known_countries, widget=UnfoldAdminSelect2MultipleWidget
    )
    purposes = forms.MultipleChoiceField(
        label="Purposes that are lifted", choices=list_known_purposes, widget=UnfoldAdminSelect2MultipleWidget
    )
    multiplier = _number(help_text="× weight, 1 to 100. The policy takes 5 for floods and cyclones, 4 for wildfires.")
    starts_at = utc_moment("Starts at", "Empty: now.")
    ends_at = utc_moment("Ends at", "Empty: it lasts until it is lifted.")
    reason = forms.CharField(
        max_length=2000,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="Source and reference; public.",
    )

    def values(self) -> dict[str, Any]:
        """What a valid form says, as the service names it."""
        given = dict(self.cleaned_data)
        codes, multiplier = given.pop("countries"), float(given.pop("multiplier"))
        return {**given, "country_codes": codes, "multiplier": multiplier}


class DrillForm(DeclareForm):
    """An exercise, which must end."""

    ends_at = forms.SplitDateTimeField(label="Ends at (UTC)", widget=UnfoldAdminSplitDateTimeWidget)


class ConfirmForm(WhyForm):
    """Why, and whether the emergency outlives its event."""

    keep = forms.BooleanField(
        label="Keep it until a person lifts it",
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="Otherwise it ends when the feed says that the event is over.",
    )


class PolicyForm(forms.Form):
    """A version of the policy, prefilled from `start`, and why it exists. The service checks what it means."""

    sources = forms.MultipleChoiceField(
        label="Feeds that count", choices=known_feeds, required=False, widget=UnfoldAdminSelect2MultipleWidget
    )
    purposes = forms.MultipleChoiceField(
        label="Purposes that are lifted", choices=list_known_purposes, widget=UnfoldAdminSelect2MultipleWidget
    )
    lasts_hours = _number(label="Lasts beyond the feed's last word", help_text="Hours.")
    longest_hours = _number(
        label="Waits for a person again after",
        required=False,
        help_text="Hours in force without a decision. Empty: it stands for as long as the event goes on.",
    )
    rationale = forms.CharField(label="Why this version", widget=UnfoldAdminTextareaWidget({"rows": 3}))

    def __init__(self, *args: Any, start: dict[str, Any], **kwargs: Any):
        kinds = start.get("kinds", {})
        initial = {name: start.get(name) for name in ("sources", "purposes", "lasts_hours", "longest_hours")}
        initial |= {f"kinds.{kind}.{term}": kinds[kind].get(term) for kind in kinds for term in kinds[kind]}
        kwargs["initial"] = initial
        super().__init__(*args, **kwargs)
        self.start = start
        for kind in DisasterKind:
            for level in AlertLevel:
                self.fields[f"kinds.{kind}.{level}"] = forms.ChoiceField(
                    label=level.value.capitalize(), choices=ANSWERS, widget=UnfoldAdminSelectWidget
                )
            self.fields[f"kinds.{kind}.multiplier"] = _number(label="× weight", help_text="1 to 100.")

    def sections(self) -> Iterator[dict[str, Any]]:
        """Title, help and fields of each part of the page."""
        general = ("sources", "purposes", "lasts_hours", "longest_hours")
        yield {"title": "All kinds", "help": "Which alerts count, for whom, how long.", "fields": self._named(general)}
        for kind in DisasterKind:
            names = [f"kinds.{kind}.{term}" for term in (*AlertLevel, "multiplier")]
            yield {"title": kind.label, "help": "What follows from each level.", "fields": self._named(names)}
        yield {"title": "About this version", "help": "", "fields": self._named(("rationale",))}

    def _named(self, names: Any) -> list[forms.BoundField]:
        return [self[name] for name in names]

    def start_as_json(self) -> str:
        """The terms that the form starts from."""
        return pretty_json(self.start)

    def terms(self) -> dict[str, Any]:
        """The terms that a valid form describes."""
        given = self.cleaned_data
        kinds = {
            kind.value: {term: _plain(given[f"kinds.{kind}.{term}"]) for term in (*map(str, AlertLevel), "multiplier")}
            for kind in DisasterKind
        }
        names = ("sources", "purposes", "lasts_hours", "longest_hours")
        return {**{name: _plain(given[name]) for name in names}, "kinds": kinds}


def _plain(value: Any) -> Any:
    """A figure as JSON writes it: whole ones without a point, so that only real changes differ."""
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)
