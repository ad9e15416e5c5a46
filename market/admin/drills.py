"""Drills from the page of allocation passes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelect2MultipleWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.domain.scopes import Scope
from accounts.selectors import may_on_platform
from climate.domain.alerts import DisasterKind
from climate.services.purposes import list_known_purposes
from config.administration.pages import actor_of, form_page, posted
from config.administration.text import choices_of
from config.administration.typed import AnyAdmin, action
from market.domain.placement.drill import PartyChange
from market.services import DrillReport, run_drill

MOST_SHOWN = 3


def known_countries() -> list[tuple[str, str]]:
    """All countries, to choose from."""
    return choices_of("climate.Country")


class DrillForm(forms.Form):
    """An emergency to suppose."""

    kind = forms.ChoiceField(
        choices=[(each.value, each.label) for each in DisasterKind], widget=UnfoldAdminSelectWidget
    )
    countries = forms.MultipleChoiceField(
        label="Affected countries", choices=known_countries, widget=UnfoldAdminSelect2MultipleWidget
    )
    purposes = forms.MultipleChoiceField(
        label="Purposes that are lifted",
        choices=list_known_purposes,
        required=False,
        widget=UnfoldAdminSelect2MultipleWidget,
        help_text="Empty: those of the emergency policy.",
    )
    multiplier = forms.FloatField(
        required=False,
        widget=UnfoldAdminTextInputWidget({"inputmode": "decimal", "autocomplete": "off"}),
        help_text="× weight, 1 to 100. Empty: as the emergency policy has it.",
    )


class DrillActions(AnyAdmin):
    """The button, for the page of allocation passes."""

    def has_drill_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return may_on_platform(request.user, Scope.EMERGENCIES_WRITE)

    @action(description="Run a drill", icon="sports_score", permissions=["drill"])
    def run_drill(self, request: HttpRequest) -> HttpResponse:
        """What an emergency would change."""

        def call(given: dict[str, Any]) -> str:
            report = run_drill(
                kind=given["kind"],
                country_codes=given["countries"],
                purposes=given["purposes"] or None,
                multiplier=given["multiplier"],
                actor=actor_of(request),
                now=timezone.now(),
            )
            return in_words(report)

        return form_page(
            request,
            model_admin=self,
            form=DrillForm(posted(request)),
            call=call,
            title="Run a drill",
            submit="Compute it",
            intro="What waits is planned as if this emergency were in force, and compared with the plan in force."
            " Nothing else changes.",
        )


def in_words(report: DrillReport) -> str:
    """The outcome in a few sentences; all of it is kept with the run."""
    gain = [each for each in report.parties if each.after_tokens > each.before_tokens][:MOST_SHOWN]
    lose = [each for each in reversed(report.parties) if each.loses][:MOST_SHOWN]
    sentences = [
        f"Drill computed, nothing was changed; all of it is in run {report.run_id}.",
        f"More: {_listed(gain)}." if gain else "Nobody would get more.",
        f"Less: {_listed(lose)}." if lose else "Nobody would get less.",
        f"Promises that would be taken back: {report.would_give_back}.",
        *(["Who would get their room is not counted here."] if report.would_give_back else ()),
        f"Missed {_whole(report.after.missed_tokens)} tokens instead of {_whole(report.before.missed_tokens)};"
        f" {_grams(report.after.planned_g)} instead of {_grams(report.before.planned_g)} (estimated).",
    ]
    return " ".join(sentences)


def _listed(parties: list[PartyChange]) -> str:
    return ", ".join(
        f"{each.purpose} from {each.origin} {_whole(each.after_tokens)} tokens instead of"
        f" {_whole(each.before_tokens + each.gives_back_tokens)}"
        for each in parties
    )


def _whole(tokens: int | None) -> str:
    return "unknown" if tokens is None else f"{tokens:,}"


def _grams(grams: float | None) -> str:
    return "unknown" if grams is None else f"{grams:,.3g} g CO₂e"
