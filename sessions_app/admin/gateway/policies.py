"""Policies of the gateway: a field for each term, versions that are added and switched, never changed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from unfold.widgets import UnfoldAdminTextInputWidget

from config.administration.policies import VersionedPolicyAdmin
from sessions_app.admin.policy_form import TermsForm
from sessions_app.domain.gateway.terms import STEPS, with_unsaid
from sessions_app.models import GatewayPolicy
from sessions_app.services.gateway.policies import activate_gateway_policy, create_gateway_policy_version

TITLES = {
    "routing": (
        "Routing",
        "What puts deployments in order: the three percentages sum to 100. With 100 for carbon the cleanest comes "
        "first, whatever it costs. A session stays where it was unless another is better by the gain.",
    ),
    "calls": ("Calls", "Bounds of a call, and what is assumed where the caller says nothing."),
    "breaker": (
        "Circuit breakers",
        "When calls to a deployment stop, and when one may try it again. Each time in a row it stays open for twice "
        "as long, up to the most.",
    ),
    "triage": (
        "Triage",
        "How many points of complexity each signal of a request can add; they sum to 100. Above the council's points "
        "several models deliberate. Full is how much of a signal gives all of its points; lessons are where single "
        "outcomes want a team's correction to stand.",
    ),
    "rounds": ("Round tables", "Size of each prompt, time and output of each agent."),
    "fallback": ("Fallback", "Ways of answering, tried from the first to the last; after them the gateway refuses."),
}


class GatewayVersionForm(TermsForm):
    """A version of a gateway policy."""

    titles = TITLES
    lists = {
        "triage.council_roles": "One on a line: the roles that sit in a council.",
        "triage.domain_terms": "One on a line: words that speak for a demanding request.",
        "fallback.ladder": f"One on a line, the best first: some of {', '.join(STEPS)}; express is one of them.",
    }
    helps = {
        "calls.default_purpose": "Taken where a call names no purpose.",
        "calls.most_attempts": "Deployments that one call is tried on.",
        "calls.attempt_share_percent": "% of the time left that one attempt at a whole answer may take while another "
        "deployment could be asked. 100: the first may take all.",
        "calls.attempt_least_seconds": "Seconds. It is never given up before these, and the time for its tokens.",
        "calls.attempt_tokens_per_second": "Tokens in a second, of a slow model: the time for its tokens.",
        "triage.full.structure_parts": "Paragraph breaks, list items, headings, code blocks.",
        "triage.full.schema_parts": "So many parts a schema to answer in counts for.",
        "triage.sure_from_points": "So many points away from a council's border, confidence is 1.",
        "triage.lessons.doubling_points": "Points for each doubling of the output against what was expected.",
        "rounds.judge_model": "Says whether an unmarked answer dissents. Empty: no judge, marks only.",
        "rounds.summary_model": "Writes summaries. Empty: they are made without a model.",
    }
    may_be_empty = frozenset({"rounds.judge_model", "rounds.summary_model"})

    def __init__(self, *args: Any, start: dict[str, Any], **kwargs: Any):
        super().__init__(*args, start=with_unsaid(start), **kwargs)


class NewGatewayPolicyForm(GatewayVersionForm):
    """A policy under a new name."""

    name = forms.SlugField(max_length=40, widget=UnfoldAdminTextInputWidget, help_text="What people call it.")


@admin.register(GatewayPolicy)
class GatewayPolicyAdmin(VersionedPolicyAdmin):
    """Routing, bounds of calls, breakers, triage, rounds, fallback. The default's current version is in force."""

    subject = "calls"
    new_form = NewGatewayPolicyForm
    version_form = GatewayVersionForm

    def create_version(self, **values: Any) -> None:
        """Add a version."""
        create_gateway_policy_version(**values)

    def activate(self, **values: Any) -> None:
        """Make a version current."""
        activate_gateway_policy(**values)
