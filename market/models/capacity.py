"""What was promised of each hour."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class RegionHour(models.Model):
    """Tokens promised and planned in one region, hour and model class. Never more than its capacity.

    Promised to grants with a hold of their own; planned by the plan in force for what waits.
    """

    region = models.ForeignKey("climate.Region", on_delete=models.PROTECT, related_name="+")
    model_class = models.CharField(max_length=3)
    starts_at = models.DateTimeField()
    capacity_tokens = models.PositiveBigIntegerField()
    promised_tokens = models.PositiveBigIntegerField(default=0)
    planned_tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "model_class", "starts_at"], name="region_hour_unique"),
            models.CheckConstraint(condition=Q(promised_tokens__gte=0), name="region_hour_not_negative"),
            models.CheckConstraint(condition=Q(planned_tokens__gte=0), name="region_hour_plan_not_negative"),
            models.CheckConstraint(
                condition=Q(capacity_tokens__gte=F("promised_tokens") + F("planned_tokens")),
                name="region_hour_within_capacity",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.region_id} {self.model_class} {self.starts_at:%Y-%m-%d %H:00}"
