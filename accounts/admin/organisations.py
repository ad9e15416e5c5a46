"""Organisations and teams with their claims and members."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.domain.principal import ANY
from accounts.models import ApiKey, Claim, Membership, Organisation, Team, country_code_validator
from config.administration.base import AuditedAdmin, RecordInline
from config.administration.typed import AnyInline, AnyModelForm


class ClaimForm(AnyModelForm):
    """A claim, checked as far as this app knows: origins are country codes."""

    class Meta:
        model = Claim
        fields = ("kind", "value")

    def clean(self) -> dict[str, Any]:
        """Refuse an origin that is no country code."""
        given = super().clean() or {}
        value = given.get("value")
        if given.get("kind") == Claim.Kind.ORIGIN and value not in (None, ANY):
            try:
                country_code_validator(value)
            except ValidationError as malformed:
                self.add_error("value", malformed)
        return given


class ClaimInline(AnyInline):
    """What the team's keys may claim."""

    model = Claim
    form = ClaimForm
    extra = 0
    hide_title = True
    tab = True
    verbose_name_plural = "origins and purposes its keys may claim"


class MemberInline(AnyInline):
    """Who is in the team."""

    model = Membership
    extra = 0
    hide_title = True
    tab = True
    autocomplete_fields = ("user",)
    verbose_name_plural = "members"


class KeyInline(RecordInline):
    """The team's keys; they are made and revoked on their own pages."""

    model = ApiKey
    fields = ("name", "prefix", "expires_at", "last_used_at", "revoked_at")
    verbose_name_plural = "API keys"


class TeamInline(RecordInline):
    """The teams of an organisation; each has its own page."""

    model = Team
    fields = ("name", "is_active", "created_at")
    verbose_name_plural = "teams"


@admin.register(Organisation)
class OrganisationAdmin(AuditedAdmin):
    """Who is accountable."""

    list_display = ("name", "country_code", "type", "is_active", "created_at")
    list_filter = ("type", "is_active")
    search_fields = ("name", "country_code")
    readonly_fields = ("created_at",)
    inlines = (TeamInline,)
    fieldsets = (
        (
            None,
            {
                "fields": ("name", ("country_code", "type"), "is_active", "created_at"),
                "description": "Country and type decide about need: set them from a document, never from a claim.",
            },
        ),
    )


@admin.register(Team)
class TeamAdmin(AuditedAdmin):
    """Who acts, owns keys and pays."""

    list_display = ("name", "organisation", "is_active", "created_at")
    list_filter = ("is_active", "organisation__type")
    list_select_related = ("organisation",)
    search_fields = ("name", "organisation__name")
    autocomplete_fields = ("organisation",)
    readonly_fields = ("created_at",)
    inlines = (ClaimInline, MemberInline, KeyInline)
    fieldsets = ((None, {"fields": ("organisation", "name", "is_active", "created_at")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A team stays with its organisation: its work and its budgets are accounted there."""
        fixed = super().get_readonly_fields(request, obj)
        return (*fixed, "organisation") if obj else fixed
