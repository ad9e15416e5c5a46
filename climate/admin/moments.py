"""Moments in forms."""

from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminSplitDateTimeWidget


def utc_moment(label: str, help_text: str) -> forms.SplitDateTimeField:
    """A date and a time in UTC that may be left empty; `help_text` says what empty means."""
    return forms.SplitDateTimeField(
        label=f"{label} (UTC)", required=False, widget=UnfoldAdminSplitDateTimeWidget, help_text=help_text
    )
