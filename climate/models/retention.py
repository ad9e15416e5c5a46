"""How long readings stay at hand, tier by tier."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords


class RetentionPolicy(models.Model):
    """The one row that says when readings become hourly and daily means. Older ones go to the archive."""

    raw_days = models.PositiveIntegerField(
        default=400, validators=[MinValueValidator(32)], help_text="Days that readings stay as they were received."
    )
    hourly_days = models.PositiveIntegerField(default=1_100, help_text="Days that hourly means stay.")
    daily_days = models.PositiveIntegerField(default=3_660, help_text="Days that daily means stay.")
    forecast_days = models.PositiveIntegerField(
        default=14, validators=[MinValueValidator(7)], help_text="Days that a scored forecast stays after its hour."
    )
    quarantine_days = models.PositiveIntegerField(
        default=90,
        validators=[MinValueValidator(7)],
        help_text="Days that a value nobody should believe stays after it was seen last.",
    )
    history = HistoricalRecords()

    class Meta:
        verbose_name_plural = "retention policy"
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="one_retention_policy"),
            models.CheckConstraint(
                condition=Q(raw_days__gte=32, hourly_days__gte=F("raw_days"), daily_days__gte=F("hourly_days")),
                name="retention_tiers_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"raw {self.raw_days} d, hourly {self.hourly_days} d, daily {self.daily_days} d"
