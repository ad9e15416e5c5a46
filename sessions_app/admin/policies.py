"""Policies of sessions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from config.administration.policies import VersionedPolicyAdmin
from sessions_app.admin.policy_form import NewPolicyForm, VersionForm
from sessions_app.models import SessionPolicy
from sessions_app.services.policies import activate_policy, create_policy_version


@admin.register(SessionPolicy)
class SessionPolicyAdmin(VersionedPolicyAdmin):
    """Ladder, shares, cleanup, checkpoints, handoffs. A session keeps the version that it began with."""

    subject = "sessions"
    new_form = NewPolicyForm
    version_form = VersionForm

    def create_version(self, **values: Any) -> None:
        """Add a version."""
        create_policy_version(**values)

    def activate(self, **values: Any) -> None:
        """Make a version current."""
        activate_policy(**values)
