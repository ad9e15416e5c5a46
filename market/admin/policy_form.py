"""The form of a policy version: one field for each term, so that nobody writes JSON."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from config.administration.text import pretty_json
from market.admin.policy_terms import SECTIONS, Kind, Term
from market.domain.policy import UNSAID_ALLOCATION

YES_NO = (("yes", "yes"), ("no", "no"))
TERMS = tuple(term for section in SECTIONS for term in section.terms)


class VersionForm(forms.Form):
    """The terms of a version, prefilled from `start`, and why it exists. Limits are checked by the service."""

    rationale = forms.CharField(
        label="Why this version",
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="Everybody who is affected by the policy can read this.",
    )

    def __init__(self, *args: Any, start: dict[str, Any], **kwargs: Any):
        start = {"allocation": UNSAID_ALLOCATION, **start}
        kwargs["initial"] = {term.key: _shown(start, term) for term in TERMS}
        super().__init__(*args, **kwargs)
        self.start = start
        for term in TERMS:
            self.fields[term.key] = _field(term)

    def sections(self) -> Iterator[dict[str, Any]]:
        """Title, help and fields of each part of the page; last what is said about the version itself."""
        for section in SECTIONS:
            yield {"title": section.title, "help": section.help, "fields": [self[term.key] for term in section.terms]}
        own = [self[name] for name in ("name", "rationale") if name in self.fields]
        yield {"title": "About this version", "help": "", "fields": own}

    def start_as_json(self) -> str:
        """The terms that the form starts from, for those who want to see them as the API says them."""
        return pretty_json(self.start)

    def body(self) -> dict[str, Any]:
        """The body that a valid form describes. Terms of the other kind of justice are left out."""
        body: dict[str, Any] = {}
        for term in TERMS:
            value = self.cleaned_data[term.key]
            if term.only_for and (value is None or term.only_for != self.cleaned_data["justice.kind"]):
                continue
            *above, leaf = term.key.split(".")
            place = body
            for name in above:
                place = place.setdefault(name, {})
            place[leaf] = _written(term, value)
        return body


class NewPolicyForm(VersionForm):
    """A policy under a new name."""

    name = forms.SlugField(max_length=40, widget=UnfoldAdminTextInputWidget, help_text="Requests name a policy by it.")


def _field(term: Term) -> forms.Field:
    shared: dict[str, Any] = {"label": term.label, "help_text": term.help}
    if term.kind is Kind.CHOICE:
        return forms.ChoiceField(choices=term.choices, widget=UnfoldAdminSelectWidget, **shared)
    if term.kind is Kind.CHOICES:
        return forms.MultipleChoiceField(
            choices=term.choices, required=False, widget=UnfoldAdminSelect2MultipleWidget, **shared
        )
    if term.kind is Kind.FLAG:
        return forms.ChoiceField(choices=YES_NO, widget=UnfoldAdminSelectWidget, **shared)
    required = not (term.may_be_empty or term.only_for)
    widget = UnfoldAdminTextInputWidget({"inputmode": "decimal", "autocomplete": "off"})
    return forms.DecimalField(required=required, widget=widget, **shared)


def _shown(body: dict[str, Any], term: Term) -> Any:
    """What a body says of a term, as its field shows it; nothing where it says nothing."""
    value: Any = body
    for name in term.key.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if term.kind is Kind.FLAG:
        return "yes" if value else "no"
    return value


def _written(term: Term, value: Any) -> Any:
    """A field's value as a body has it. Digits stay as they were typed, so that only real changes differ."""
    if term.kind is Kind.FLAG:
        return value == "yes"
    if not isinstance(value, Decimal):
        return value
    if term.kind is Kind.MONEY:
        return f"{value:f}"
    return int(value) if value == value.to_integral_value() and "." not in str(value) else float(value)
