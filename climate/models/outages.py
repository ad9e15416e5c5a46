"""When a region can serve less than it has, and how far away regions are in milliseconds."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from climate.domain.model_classes import MODEL_CLASSES
from climate.models.places import SHARE, Country, Region


class RegionOutage(models.Model):
    """A region serves only a share of its capacity, unforeseen or planned. Never deleted: it is ended or withdrawn."""

    class Kind(models.TextChoices):
        OUTAGE = "outage", "Outage"
        MAINTENANCE = "maintenance", "Maintenance"

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="outages")
    model_class = models.CharField(
        max_length=3, blank=True, choices=[(name, name) for name in MODEL_CLASSES], help_text="Empty: all."
    )
    kind = models.CharField(max_length=11, choices=Kind)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: it lasts until it is ended.")
    capacity_share = models.FloatField(validators=SHARE, help_text="Share of the capacity that is left, 0 to 1.")
    reason = models.TextField(help_text="What happened or is planned, and who says so.")
    author = models.CharField(max_length=120, help_text="Who entered it.")
    created_at = models.DateTimeField()
    is_withdrawn = models.BooleanField(
        default=False, help_text="Taken back before it began: it never counted and never will."
    )
    history = HistoricalRecords()

    class Meta:
        ordering = ["-starts_at"]
        indexes = [models.Index(fields=["ends_at"], condition=Q(is_withdrawn=False), name="outage_end")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")), name="outage_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(capacity_share__gte=0, capacity_share__lte=1), name="outage_share_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.region_id} from {self.starts_at:%Y-%m-%d %H:%M}"


class LatencyBand(models.Model):
    """One point of the table that turns kilometres into a round-trip time and back; straight between points."""

    distance_km = models.FloatField(
        "distance, km", unique=True, validators=[MinValueValidator(0.0), MaxValueValidator(20_040.0)]
    )
    round_trip_ms = models.FloatField("round trip, ms", validators=[MinValueValidator(0.0)])
    source = models.CharField(max_length=300)
    note = models.CharField(max_length=300, blank=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["distance_km"]

    def __str__(self) -> str:
        return f"{self.distance_km:g} km: {self.round_trip_ms:g} ms"


class LatencyFigure(models.Model):
    """A round-trip time that is known between a country and a region: it counts instead of the distance."""

    country = models.ForeignKey(Country, on_delete=models.PROTECT, related_name="+")
    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="latencies")
    round_trip_ms = models.FloatField(
        "round trip, ms", validators=[MinValueValidator(0.0), MaxValueValidator(10_000.0)]
    )
    source = models.CharField(max_length=300, help_text="Who measured it, when and how.")
    history = HistoricalRecords()

    class Meta:
        ordering = ["country", "region"]
        constraints = [models.UniqueConstraint(fields=["country", "region"], name="latency_figure_unique")]

    def __str__(self) -> str:
        return f"{self.country_id} to {self.region_id}: {self.round_trip_ms:g} ms"
