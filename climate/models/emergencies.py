"""Climate emergencies."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from simple_history.models import HistoricalRecords


class Emergency(models.Model):
    """A climate emergency in force, declared by a person (or, later, by policy from an alert)."""

    class Kind(models.TextChoices):
        FLOOD = "flood", "Flood"
        CYCLONE = "cyclone", "Cyclone"
        WILDFIRE = "wildfire", "Wildfire"
        DROUGHT = "drought", "Drought"
        EARTHQUAKE = "earthquake", "Earthquake"
        VOLCANO = "volcano", "Volcano"
        HEATWAVE = "heatwave", "Heatwave"

    kind = models.CharField(max_length=10, choices=Kind)
    title = models.CharField(max_length=200)
    country_codes = models.JSONField(default=list, help_text='Affected countries, for example ["BD", "IN"].')
    purposes = models.JSONField(default=list, help_text='Purposes that are lifted, for example ["disaster_response"].')
    multiplier = models.FloatField(validators=[MinValueValidator(1.0), MaxValueValidator(100.0)])
    reason = models.TextField(help_text="Why it was declared: source and reference.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    declared_at = models.DateTimeField(db_default=Now())
    history = HistoricalRecords()

    class Meta:
        verbose_name_plural = "emergencies"
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")), name="emergency_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return self.title
