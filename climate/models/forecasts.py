"""What is expected of the grid, by whom, since when, and how wrong it was."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from climate.domain.signal import Kind, Scope
from climate.models.places import GridZone
from climate.models.signals import KINDS, SCOPES


class CarbonForecast(models.Model):
    """Intensity that a source expected at `issued_at` of a zone in a period.

    The newest issue is what the ladder uses; the first issue of every six hours stays until it is scored.
    """

    # Without an index of its own, here and below: each constraint begins with the zone.
    zone = models.ForeignKey(GridZone, on_delete=models.PROTECT, related_name="forecasts", db_index=False)
    source = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=KINDS, default=Kind.AVERAGE)
    scope = models.CharField(max_length=9, choices=SCOPES, default=Scope.LIFECYCLE)
    issued_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    period_minutes = models.PositiveSmallIntegerField()
    intensity_g_per_kwh = models.FloatField()
    low_g_per_kwh = models.FloatField(null=True, blank=True)
    high_g_per_kwh = models.FloatField(null=True, blank=True)
    flag = models.CharField(max_length=200, blank=True, help_text="What a reader must know of it.")
    superseded_at = models.DateTimeField(
        null=True, editable=False, help_text="Since when a newer issue of the source says this hour."
    )
    scored_at = models.DateTimeField(
        null=True, editable=False, help_text="When it was scored, or given up because its hour was never measured."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "source", "kind", "scope", "issued_at", "starts_at"], name="carbon_forecast_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["zone", "kind", "scope", "starts_at", "-issued_at"], name="carbon_forecast_latest"),
            models.Index(fields=["starts_at"], name="carbon_forecast_age"),
            models.Index(fields=["starts_at"], condition=Q(scored_at=None), name="carbon_forecast_unscored"),
        ]

    def __str__(self) -> str:
        return f"{self.zone_id} {self.starts_at:%Y-%m-%d %H:%M} {self.intensity_g_per_kwh:.0f} g/kWh expected"


class ForecastScore(models.Model):
    """How wrong a source's forecasts of a zone were: sums over the hours of one UTC day and one lead time."""

    zone = models.ForeignKey(GridZone, on_delete=models.CASCADE, related_name="+", db_index=False)
    source = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=KINDS)
    scope = models.CharField(max_length=9, choices=SCOPES)
    lead = models.CharField(max_length=8, help_text="1, 2-24, 25-48 or 49-96 hours between issue and hour.")
    day = models.DateField(help_text="UTC day of the hours that were expected.")
    hours = models.PositiveIntegerField()
    absolute_error_sum_g_per_kwh = models.FloatField()
    relative_error_sum = models.FloatField(help_text="Sum of |expected - measured| / measured.")
    banded_hours = models.PositiveIntegerField(help_text="Hours whose forecast came with a band.")
    covered_hours = models.PositiveIntegerField(help_text="Of these, hours measured within the band.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "source", "kind", "scope", "lead", "day"], name="forecast_score_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.zone_id} {self.day} +{self.lead} h"


class ForecastWeights(models.Model):
    """What the own forecast of a zone was fitted to, and with what result; the newest one is used."""

    zone = models.ForeignKey(GridZone, on_delete=models.CASCADE, related_name="+", db_index=False)
    fitted_at = models.DateTimeField()
    source = models.CharField(max_length=40, help_text="Whose readings it was fitted on.")
    first_hour_at = models.DateTimeField()
    last_hour_at = models.DateTimeField()
    hours = models.PositiveIntegerField(help_text="Measured hours it was fitted on.")
    weights = models.JSONField()

    class Meta:
        ordering = ["-fitted_at"]
        constraints = [models.UniqueConstraint(fields=["zone", "fitted_at"], name="forecast_weights_unique")]

    def __str__(self) -> str:
        return f"{self.zone_id} {self.fitted_at:%Y-%m-%d %H:%M}"
