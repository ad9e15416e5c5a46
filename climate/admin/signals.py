"""What was read and what is expected: records of the sources."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from climate.models import CarbonForecast, CarbonReading, ForecastScore, ForecastWeights, QuarantinedValue
from config.administration.base import RecordAdmin
from config.administration.typed import display


@display(description="g CO2e/kWh", ordering="intensity_g_per_kwh")
def intensity(row: CarbonReading | CarbonForecast) -> str:
    """Whole grams: a reading is no more exact."""
    return f"{row.intensity_g_per_kwh:.0f}"


@admin.register(CarbonReading)
class CarbonReadingAdmin(RecordAdmin):
    """Intensities of past and present periods."""

    list_display = ("zone_id", "starts_at", "period_minutes", intensity, "renewable_share", "source", "kind")
    list_filter = ("source", "kind", "scope", ("starts_at", RangeDateTimeFilter))
    search_fields = ("=zone__code",)
    search_help_text = "The code of a zone, for example DE."
    ordering = ("-starts_at",)


@admin.register(CarbonForecast)
class CarbonForecastAdmin(RecordAdmin):
    """Intensities that a source expects."""

    list_display = ("zone_id", "starts_at", "period_minutes", intensity, "source", "issued_at")
    list_filter = ("source", "kind", "scope", ("starts_at", RangeDateTimeFilter))
    search_fields = ("=zone__code",)
    search_help_text = "The code of a zone, for example DE."
    ordering = ("-starts_at",)


@admin.register(QuarantinedValue)
class QuarantinedValueAdmin(RecordAdmin):
    """Values that sources sent and nobody should believe. They are used for nothing."""

    list_display = ("source", "what", "zone_code", "starts_at", "value", "reason", "times_seen", "last_seen_at")
    list_filter = ("source", "what", "kind", "scope", ("last_seen_at", RangeDateTimeFilter))
    search_fields = ("=zone_code", "reason")
    search_help_text = "The code of a zone, or words of the reason."
    ordering = ("-last_seen_at",)


@display(description="Mean error, %")
def relative_error(score: ForecastScore) -> str:
    """Mean of |expected - measured| / measured."""
    return f"{100 * score.relative_error_sum / score.hours:.1f}" if score.hours else "unknown"


@display(description="In the band, %")
def coverage(score: ForecastScore) -> str:
    """Share of the hours with a band that were measured within it."""
    return f"{100 * score.covered_hours / score.banded_hours:.0f}" if score.banded_hours else "no band"


@admin.register(ForecastScore)
class ForecastScoreAdmin(RecordAdmin):
    """How wrong forecasts were, by day and hours ahead."""

    list_display = ("zone_id", "day", "source", "lead", "hours", relative_error, coverage, "kind", "scope")
    list_filter = ("source", "lead", "kind", "scope", "day")
    search_fields = ("=zone__code",)
    search_help_text = "The code of a zone, for example DE."
    ordering = ("-day", "zone")


@admin.register(ForecastWeights)
class ForecastWeightsAdmin(RecordAdmin):
    """What the own forecasts of zones were fitted to."""

    list_display = ("zone_id", "fitted_at", "source", "first_hour_at", "last_hour_at", "hours")
    list_filter = ("source", ("fitted_at", RangeDateTimeFilter))
    search_fields = ("=zone__code",)
    search_help_text = "The code of a zone, for example DE."
    ordering = ("-fitted_at",)
