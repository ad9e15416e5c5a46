"""Policies of the market."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from config.administration.policies import VersionedPolicyAdmin
from market.admin.policy_form import NewPolicyForm, VersionForm
from market.models import Policy
from market.services import activate_policy, create_policy_version


@admin.register(Policy)
class PolicyAdmin(VersionedPolicyAdmin):
    """How requests are decided and priced, and how the market runs."""

    subject = "requests"
    new_form = NewPolicyForm
    version_form = VersionForm

    def create_version(self, **values: Any) -> None:
        """Add a version."""
        create_policy_version(**values)

    def activate(self, **values: Any) -> None:
        """Make a version current."""
        activate_policy(**values)
