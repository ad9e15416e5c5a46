"""Purposes: what work is for, and how much it weighs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextInputWidget

from config.administration.base import AuditedAdmin, ReasonForm
from config.administration.text import CommaSeparatedField
from market.models import Purpose


class PurposeForm(ReasonForm):
    """A purpose whose other names belong to no other."""

    aliases = CommaSeparatedField(
        label="Other names",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Names that requests may use as well, with commas between them.",
    )

    def clean_aliases(self) -> list[str]:
        """Refuse a name that another purpose has."""
        aliases: list[str] = self.cleaned_data["aliases"]
        for other in Purpose.objects.exclude(pk=self.instance.pk):
            if taken := {other.name, *other.aliases} & set(aliases):
                raise ValidationError(f"{', '.join(sorted(taken))} means {other.title} already.")
        return aliases


@admin.register(Purpose)
class PurposeAdmin(AuditedAdmin):
    """All purposes, heaviest first."""

    form = PurposeForm
    list_display = ("title", "name", "tier", "priority", "is_active", "rationale")
    list_filter = ("tier", "is_active")
    search_fields = ("title", "name")
    fieldsets = ((None, {"fields": ("name", "title", ("tier", "priority"), "aliases", "is_active", "rationale")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Requests refer to a purpose by its name."""
        return ("name",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Purposes are switched off: requests refer to them."""
        return False
