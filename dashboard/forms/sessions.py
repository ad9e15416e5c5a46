"""Forms of the pages of sessions."""

from __future__ import annotations

from django import forms

from dashboard.presentation.sessions.handoffs import PROTOCOLS

LARGEST_ID = 2**63 - 1


class HandoffForm(forms.Form):
    """How to hand over, and why."""

    protocol = forms.ChoiceField(label="Protocol", choices=PROTOCOLS)
    reason = forms.CharField(label="Reason", max_length=200)


class PointForm(forms.Form):
    """An event of the log."""

    seq = forms.IntegerField(label="Event", min_value=0, max_value=LARGEST_ID)


class ArchiveForm(forms.Form):
    """Something in the archive."""

    archive = forms.IntegerField(label="Archive", min_value=1, max_value=LARGEST_ID)


class DecisionForm(forms.Form):
    """What a person decides on a proposal, and why."""

    proposal = forms.IntegerField(label="Proposal", min_value=1, max_value=LARGEST_ID)
    verdict = forms.ChoiceField(label="Decision", choices=[("accept", "Accept"), ("reject", "Reject")])
    rationale = forms.CharField(label="Reason", max_length=300)
