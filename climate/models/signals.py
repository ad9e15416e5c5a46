"""What sources said of the grid, hour by hour: as it stands, as it stood, and what was not believed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from climate.domain.signal import (
    HIGHEST_PLAUSIBLE_G_PER_KWH,
    LOWEST_PLAUSIBLE_G_PER_KWH,
    Kind,
    Scope,
)
from climate.models.places import GridZone

KINDS = [(each.value, each.value) for each in Kind]
SCOPES = [(each.value, each.value) for each in Scope]
PLAUSIBLE = Q(intensity_g_per_kwh__lte=HIGHEST_PLAUSIBLE_G_PER_KWH) & (
    Q(intensity_g_per_kwh__gte=LOWEST_PLAUSIBLE_G_PER_KWH)
    # A chimney, or the plant at the margin, may emit nothing; a whole grid's lifecycle never does.
    | (Q(intensity_g_per_kwh__gte=0) & (Q(kind=Kind.MARGINAL) | Q(scope=Scope.DIRECT)))
)


class Observation(models.Model):
    """The columns that a reading and its earlier versions share."""

    source = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=KINDS, default=Kind.AVERAGE)
    scope = models.CharField(max_length=9, choices=SCOPES, default=Scope.LIFECYCLE)
    starts_at = models.DateTimeField()
    period_minutes = models.PositiveSmallIntegerField()
    intensity_g_per_kwh = models.FloatField()
    renewable_share = models.FloatField(null=True, blank=True)
    carbon_free_share = models.FloatField(null=True, blank=True)
    flag = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField()
    revision = models.PositiveSmallIntegerField(default=0, help_text="How often the source has changed it.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} {self.intensity_g_per_kwh:.0f} g/kWh"


class CarbonReading(Observation):
    """Intensity of a zone in a past or present period, as its source says it now."""

    # Without an index of its own: the constraint and the index below begin with the zone.
    zone = models.ForeignKey(GridZone, on_delete=models.PROTECT, related_name="readings", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "source", "kind", "scope", "starts_at"], name="carbon_reading_unique"
            ),
            models.CheckConstraint(condition=PLAUSIBLE, name="carbon_reading_believable"),
        ]
        indexes = [
            models.Index(fields=["zone", "kind", "scope", "-starts_at"], name="carbon_reading_latest"),
            # What is old enough to leave for the archive.
            models.Index(fields=["starts_at"], name="carbon_reading_age"),
        ]


class CarbonReadingRevision(Observation):
    """What a source had said of a period before it changed its mind. Nothing is overwritten silently."""

    zone = models.ForeignKey(GridZone, on_delete=models.PROTECT, related_name="+", db_index=False)
    replaced_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "source", "kind", "scope", "starts_at", "revision"],
                name="carbon_reading_revision_unique",
            )
        ]
        indexes = [models.Index(fields=["starts_at"], name="carbon_revision_age")]


class CarbonReadingMean(models.Model):
    """An hour or a day of readings of one source, kept after the readings have gone to the archive."""

    class Tier(models.TextChoices):
        HOUR = "hour", "hourly"
        DAY = "day", "daily"

    zone = models.ForeignKey(GridZone, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=KINDS)
    scope = models.CharField(max_length=9, choices=SCOPES)
    tier = models.CharField(max_length=4, choices=Tier)
    starts_at = models.DateTimeField()
    covered_minutes = models.PositiveSmallIntegerField(help_text="Of 60, or of 1,440.")
    intensity_g_per_kwh = models.FloatField()
    lowest_g_per_kwh = models.FloatField()
    highest_g_per_kwh = models.FloatField()
    renewable_share = models.FloatField(null=True)
    carbon_free_share = models.FloatField(null=True)
    flag = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField(help_text="When the last of its readings came.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "kind", "scope", "tier", "starts_at", "source"], name="carbon_reading_mean_unique"
            )
        ]
        indexes = [models.Index(fields=["tier", "starts_at"], name="carbon_reading_mean_age")]

    def __str__(self) -> str:
        return f"{self.zone_id} {self.tier} {self.starts_at:%Y-%m-%d %H:%M} {self.intensity_g_per_kwh:.0f} g/kWh"


class QuarantinedValue(models.Model):
    """A value that a source sent and nobody should believe, with the reason. It is used for nothing."""

    fingerprint = models.CharField(max_length=64, unique=True, help_text="Of everything but the times it was seen.")
    source = models.CharField(max_length=40)
    what = models.CharField(max_length=10, help_text="reading or forecast")
    zone_code = models.CharField(max_length=24, blank=True, help_text="As the source wrote it.")
    kind = models.CharField(max_length=8, blank=True)
    scope = models.CharField(max_length=9, blank=True)
    starts_at = models.DateTimeField(null=True)
    value = models.CharField(max_length=100)
    reason = models.CharField(max_length=300)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    times_seen = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-last_seen_at"]
        indexes = [
            models.Index(fields=["source", "-last_seen_at"], name="quarantined_of_source"),
            # What is old enough to leave for the archive.
            models.Index(fields=["last_seen_at"], name="quarantined_age"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.what} {self.zone_code}: {self.reason}"


class ArchivedFile(models.Model):
    """A file of rows that have left the database, with what is needed to trust it."""

    path = models.CharField(max_length=300, unique=True, help_text="Below the archive folder.")
    what = models.CharField(max_length=20, help_text="The table whose rows it holds.")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    row_count = models.PositiveIntegerField()
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    archived_at = models.DateTimeField()
    stays_until = models.DateTimeField(
        null=True, help_text="It was brought back: until then its rows are not archived again."
    )

    class Meta:
        ordering = ["-first_at"]

    def __str__(self) -> str:
        return self.path
