"""Alerts as the feeds told them, with every version. Records: nobody changes them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from climate.models import Alert, AlertVersion, Emergency
from config.administration.base import RecordAdmin, RecordInline
from config.administration.text import pretty_json
from config.administration.typed import display

LEVEL_COLOURS = {"red": "danger", "orange": "warning", "green": "success", "unknown": "info"}


class VersionInline(RecordInline):
    """What the feed said, the newest first."""

    model = AlertVersion
    verbose_name_plural = "versions"
    fields = ("version_at", "received_at", "level", "is_current", "said")

    @display(description="What it said")
    def said(self, version: AlertVersion) -> SafeString:
        """All facts of the version."""
        return pretty_json(version.facts)


class EmergencyInline(RecordInline):
    """What became of the alert."""

    model = Emergency
    verbose_name_plural = "emergencies"
    fields = ("title", "state", "multiplier", "starts_at", "ends_at", "reason")


@admin.register(Alert)
class AlertAdmin(RecordAdmin):
    """Events of the disaster feeds."""

    list_display = ("title", "source", "kind", "shown_level", "countries", "is_current", "version_at", "last_seen_at")
    list_filter = ("source", "kind", "level", "is_current")
    search_fields = ("title", "external_id", "glide")
    inlines = (VersionInline, EmergencyInline)
    fieldsets = (
        (None, {"fields": ("title", ("source", "external_id"), ("kind", "level", "is_current"), "severity_text")}),
        ("Where", {"fields": ("countries", "not_known", ("latitude", "longitude"))}),
        (
            "When",
            {
                "fields": (("starts_at", "ends_at"), ("version_at", "first_seen_at", "last_seen_at"), "missing_since"),
                "description": "Times are UTC.",
            },
        ),
        ("Elsewhere", {"fields": ("glide", "page")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The last changed first."""
        queryset: QuerySet[Any] = super().get_queryset(request)
        return queryset.order_by("-version_at", "-pk")

    @display(description="Level", ordering="level", label=LEVEL_COLOURS)
    def shown_level(self, alert: Alert) -> str:
        """Coloured as GDACS does."""
        return alert.level

    @display(description="Countries")
    def countries(self, alert: Alert) -> str:
        """Codes, with commas."""
        return ", ".join(alert.country_codes) or "–"

    @display(description="Places that are not known")
    def not_known(self, alert: Alert) -> str:
        """As the feed wrote them."""
        return ", ".join(alert.unknown_places) or "–"

    @display(description="The feed's page")
    def page(self, alert: Alert) -> str:
        """A link to it."""
        if not alert.url.startswith(("https://", "http://")):
            return "–"
        return format_html('<a href="{0}" rel="noreferrer noopener" target="_blank">{0}</a>', alert.url)
