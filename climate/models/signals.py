"""What sources said of the grid, hour by hour, and how the sources do."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from climate.domain.signal import (
    HIGHEST_PLAUSIBLE_G_PER_KWH,
    LOWEST_PLAUSIBLE_G_PER_KWH,
    Basis,
    Kind,
    Scope,
)
from climate.models.places import GridZone


class CarbonReading(models.Model):
    """Intensity of a zone in a past or present period, as a source said it."""

    zone = models.ForeignKey(GridZone, on_delete=models.PROTECT, related_name="readings")
    source = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=[(k.value, k.value) for k in Kind], default=Kind.AVERAGE)
    scope = models.CharField(max_length=9, choices=[(s.value, s.value) for s in Scope], default=Scope.LIFECYCLE)
    starts_at = models.DateTimeField()
    period_minutes = models.PositiveSmallIntegerField()
    intensity_g_per_kwh = models.FloatField()
    renewable_share = models.FloatField(null=True, blank=True)
    carbon_free_share = models.FloatField(null=True, blank=True)
    basis = models.CharField(max_length=14, choices=[(b.value, b.value) for b in Basis], default=Basis.LIVE)
    flag = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "source", "kind", "scope", "starts_at"], name="carbon_reading_unique"
            ),
            models.CheckConstraint(
                condition=Q(
                    intensity_g_per_kwh__gte=LOWEST_PLAUSIBLE_G_PER_KWH,
                    intensity_g_per_kwh__lte=HIGHEST_PLAUSIBLE_G_PER_KWH,
                ),
                name="carbon_reading_plausible",
            ),
        ]
        indexes = [models.Index(fields=["zone", "kind", "scope", "-starts_at"], name="carbon_reading_latest")]

    def __str__(self) -> str:
        return f"{self.zone_id} {self.starts_at:%Y-%m-%d %H:%M} {self.intensity_g_per_kwh:.0f} g/kWh"


class CarbonForecast(models.Model):
    """Intensity a source expects of a zone in a coming period."""

    zone = models.ForeignKey(GridZone, on_delete=models.PROTECT, related_name="forecasts")
    source = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=[(k.value, k.value) for k in Kind], default=Kind.AVERAGE)
    scope = models.CharField(max_length=9, choices=[(s.value, s.value) for s in Scope], default=Scope.LIFECYCLE)
    issued_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    period_minutes = models.PositiveSmallIntegerField()
    intensity_g_per_kwh = models.FloatField()
    low_g_per_kwh = models.FloatField(null=True, blank=True)
    high_g_per_kwh = models.FloatField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "source", "kind", "scope", "issued_at", "starts_at"], name="carbon_forecast_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["zone", "kind", "scope", "starts_at", "-issued_at"], name="carbon_forecast_latest")
        ]

    def __str__(self) -> str:
        return f"{self.zone_id} {self.starts_at:%Y-%m-%d %H:%M} {self.intensity_g_per_kwh:.0f} g/kWh expected"


class DataSource(models.Model):
    """A provider of climate data: whether it is asked, and how the last asking went."""

    class State(models.TextChoices):
        NEVER = "never", "never asked"
        OK = "ok", "answering"
        FAILING = "failing", "not answering"
        REFUSED = "refused", "refused us"

    name = models.SlugField(primary_key=True, max_length=40)
    title = models.CharField(max_length=120)
    is_enabled = models.BooleanField(default=True)
    interval_minutes = models.PositiveSmallIntegerField(default=15)
    state = models.CharField(max_length=8, choices=State, default=State.NEVER, editable=False)
    last_attempt_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_success_at = models.DateTimeField(null=True, blank=True, editable=False)
    latest_period_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Start of the newest period received."
    )
    consecutive_failures = models.PositiveIntegerField(default=0, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    history = HistoricalRecords(
        excluded_fields=[
            "state",
            "last_attempt_at",
            "last_success_at",
            "latest_period_at",
            "consecutive_failures",
            "last_error",
        ]
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title
