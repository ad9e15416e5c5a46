"""How long readings stay at hand, and the files of those that left."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter

from climate.models import ArchivedFile, CarbonReadingMean, CarbonReadingRevision, RetentionPolicy
from climate.selectors.storage import list_archived_tiers, list_stored_tiers
from config.administration.base import AuditedAdmin, ReasonForm, RecordAdmin
from config.administration.text import whole
from config.administration.typed import display

LEAST_DAYS = {
    "raw_days": "32 at least.",
    "hourly_days": "As many as those of readings at least.",
    "daily_days": "As many as those of hourly means at least.",
    "forecast_days": "7 at least.",
    "quarantine_days": "7 at least.",
}
LINES = '<table class="w-full"><tbody>{}</tbody></table>'
LINE = '<tr><td class="pr-4 py-1">{}</td><td class="pr-4 py-1 text-right">{}</td><td class="py-1">{}</td></tr>'


def megabytes(size_bytes: int) -> str:
    """Of 1,000,000 bytes, with a figure that is not 0 unless there is nothing."""
    return f"{size_bytes / 1_000_000:,.1f} MB" if size_bytes >= 100_000 else f"{size_bytes:,} bytes"


class RetentionForm(ReasonForm):
    """Days of each tier. A finer one must not stay longer than the means made of it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, words in LEAST_DAYS.items():
            if name in self.fields:
                self.fields[name].help_text = f"{self.fields[name].help_text} {words}"

    def clean(self) -> dict[str, Any]:
        """Beside the field at fault; the database would refuse it in its own words."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        raw, hourly, daily = (given.get(name) for name in ("raw_days", "hourly_days", "daily_days"))
        if raw is not None and hourly is not None and hourly < raw:
            self.add_error("hourly_days", f"Hourly means must stay at least as long as readings: {raw:,} days or more.")
        elif hourly is not None and daily is not None and daily < hourly:
            words = f"Daily means must stay at least as long as those: {hourly:,} days or more."
            self.add_error("daily_days", words)
        return given


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(AuditedAdmin):
    """The one policy. Nothing is deleted by it: what leaves a tier is in the archive."""

    form = RetentionForm
    list_display = ("__str__", "raw_days", "hourly_days", "daily_days", "forecast_days", "quarantine_days")
    list_display_links = ("__str__",)
    readonly_fields = ("at_hand", "in_the_archive")
    fieldsets = (
        (
            None,
            {
                "fields": (("raw_days", "hourly_days"), ("daily_days", "forecast_days"), "quarantine_days"),
                "description": "Days, counted in whole UTC days. Readings older than that become hourly means, these"
                " daily means; what leaves a tier goes to a file in the archive first. Scores of"
                " forecasts leave with the readings. It is done once a day.",
            },
        ),
        ("What there is", {"fields": ("at_hand", "in_the_archive")}),
    )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """With what there is, counted once: the page asks for it several times."""
        policy = super().get_object(request, object_id, from_field)
        if policy is not None:
            vars(policy).update(stored=list_stored_tiers(), archived=list_archived_tiers())
        return policy

    @display(description="In the database")
    def at_hand(self, policy: Any) -> SafeString:
        """Rows of each tier, and its oldest period."""
        lines = format_html_join(
            "",
            LINE,
            (
                (
                    tier.words,
                    f"{'about ' if tier.is_estimate else ''}{whole(tier.rows)} rows",
                    f"since {tier.oldest_at:%Y-%m-%d %H:%M} UTC" if tier.oldest_at else "none",
                )
                for tier in policy.stored
            ),
        )
        return format_html(LINES, lines)

    @display(description="In the archive")
    def in_the_archive(self, policy: Any) -> SafeString | str:
        """Files of each table."""
        if not policy.archived:
            return "Nothing yet."
        lines = format_html_join(
            "",
            LINE,
            (
                (
                    tier.what.replace("_", " "),
                    f"{whole(tier.rows)} rows",
                    f"in {whole(tier.files)} files, {megabytes(tier.size_bytes)}, since {tier.oldest_at:%Y-%m-%d}",
                )
                for tier in policy.archived
            ),
        )
        return format_html(LINES, lines)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There must be one."""
        return False


@admin.register(ArchivedFile)
class ArchivedFileAdmin(RecordAdmin):
    """The list of the archive."""

    list_display = ("path", "what", "row_count", "size", "first_at", "archived_at", "stays_until")
    list_filter = ("what",)
    search_fields = ("path", "sha256")
    search_help_text = "A day as 2026-03-04, or a SHA-256."
    ordering = ("-first_at", "what")

    @display(description="Size", ordering="size_bytes")
    def size(self, file: ArchivedFile) -> str:
        """Of the packed file."""
        return megabytes(file.size_bytes)


@admin.register(CarbonReadingMean)
class CarbonReadingMeanAdmin(RecordAdmin):
    """Means of hours and days."""

    list_display = ("zone_id", "tier", "starts_at", "covered_minutes", "grams", "source", "kind", "scope")
    list_filter = ("tier", "source", "kind", "scope", ("starts_at", RangeDateTimeFilter))
    search_fields = ("=zone__code",)
    search_help_text = "The code of a zone, for example DE."
    ordering = ("tier", "-starts_at")

    @display(description="g CO2e/kWh (lowest to highest)", ordering="intensity_g_per_kwh")
    def grams(self, mean: CarbonReadingMean) -> str:
        """Whole grams."""
        return f"{mean.intensity_g_per_kwh:.0f} ({mean.lowest_g_per_kwh:.0f} to {mean.highest_g_per_kwh:.0f})"


@admin.register(CarbonReadingRevision)
class CarbonReadingRevisionAdmin(RecordAdmin):
    """What sources had said before."""

    list_display = (
        "zone_id",
        "starts_at",
        "grams",
        "revision",
        "received_at",
        "replaced_at",
        "source",
        "kind",
        "scope",
    )
    list_filter = ("source", "kind", "scope", ("starts_at", RangeDateTimeFilter))
    search_fields = ("=zone__code",)
    search_help_text = "The code of a zone, for example DE."
    ordering = ("-starts_at",)

    @display(description="g CO2e/kWh", ordering="intensity_g_per_kwh")
    def grams(self, reading: CarbonReadingRevision) -> str:
        """Whole grams."""
        return f"{reading.intensity_g_per_kwh:.0f}"
