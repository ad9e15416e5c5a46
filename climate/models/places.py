"""Countries, grid zones and regions, with what is published of each by the year."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

SHARE = [MinValueValidator(0.0), MaxValueValidator(1.0)]
LATITUDE = [MinValueValidator(-90.0), MaxValueValidator(90.0)]
LONGITUDE = [MinValueValidator(-180.0), MaxValueValidator(180.0)]


class Country(models.Model):
    """A country with its yearly grid figures and its justice inputs. Unknown is NULL."""

    class IncomeGroup(models.TextChoices):
        LOW = "low", "Low"
        LOWER_MIDDLE = "lower_middle", "Lower middle"
        UPPER_MIDDLE = "upper_middle", "Upper middle"
        HIGH = "high", "High"
        UNKNOWN = "", "Unknown"

    code = models.CharField(primary_key=True, max_length=2, help_text="ISO 3166-1 alpha-2.")
    iso3 = models.CharField(max_length=3, unique=True)
    iso_numeric = models.CharField(max_length=3, blank=True, help_text="Joins the world map.")
    name = models.CharField(max_length=120)
    latitude = models.FloatField(validators=LATITUDE)
    longitude = models.FloatField(validators=LONGITUDE)
    region_name = models.CharField("UN M49 region", max_length=60, blank=True)
    income_group = models.CharField(max_length=12, choices=IncomeGroup, blank=True)
    income_group_source = models.CharField(max_length=200, blank=True)
    is_global_south = models.BooleanField(default=False, help_text="By UNCTAD's rule; see the methodology.")
    is_ldc = models.BooleanField("least developed country", default=False)
    is_sids = models.BooleanField("small island developing state", default=False)
    lists_source = models.CharField(max_length=200, blank=True)
    gni_usd = models.FloatField("GNI per head, US$", null=True, blank=True)
    gni_source = models.CharField(max_length=200, blank=True)
    vulnerability = models.FloatField(
        null=True, blank=True, validators=SHARE, help_text="0..1, for example ND-GAIN vulnerability."
    )
    vulnerability_source = models.CharField(max_length=200, blank=True)
    co2_t_per_capita = models.FloatField("t CO2 per head and year", null=True, blank=True)
    co2_source = models.CharField(max_length=200, blank=True)
    intensity_g_per_kwh = models.FloatField(null=True, blank=True, help_text="Yearly mean, lifecycle.")
    intensity_year = models.PositiveSmallIntegerField(null=True, blank=True)
    intensity_source = models.CharField(max_length=200, blank=True)
    intensity_flag = models.CharField(
        max_length=200, blank=True, help_text="Why the published figure was not believed."
    )
    generation_twh = models.JSONField(
        default=dict,
        blank=True,
        help_text="TWh a year by source: coal, gas, oil, nuclear, hydro, solar, wind, biofuel, other_renewable.",
    )
    generation_year = models.PositiveSmallIntegerField(null=True, blank=True)
    generation_source = models.CharField(max_length=200, blank=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "countries"

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class GridZone(models.Model):
    """An electricity zone, keyed as Electricity Maps does. `NA` is Namibia."""

    code = models.CharField(primary_key=True, max_length=24)
    name = models.CharField(max_length=120)
    country = models.ForeignKey(Country, null=True, blank=True, on_delete=models.PROTECT, related_name="zones")
    latitude = models.FloatField(null=True, blank=True, validators=LATITUDE)
    longitude = models.FloatField(null=True, blank=True, validators=LONGITUDE)
    history = HistoricalRecords()

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class ZoneYear(models.Model):
    """Yearly means of a zone."""

    zone = models.ForeignKey(GridZone, on_delete=models.CASCADE, related_name="years")
    year = models.PositiveSmallIntegerField()
    intensity_g_per_kwh = models.FloatField(null=True, blank=True)
    renewable_share = models.FloatField(null=True, blank=True, validators=SHARE)
    carbon_free_share = models.FloatField(null=True, blank=True, validators=SHARE)
    source = models.CharField(max_length=200)
    flag = models.CharField(max_length=200, blank=True)
    history = HistoricalRecords()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["zone", "year"], name="zone_year_unique")]

    def __str__(self) -> str:
        return f"{self.zone_id} {self.year}"


class Region(models.Model):
    """Where AI work runs: a cloud region or an own site, in one grid zone."""

    code = models.SlugField(
        primary_key=True, max_length=64, help_text="Provider and region, for example aws-eu-north-1."
    )
    provider = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    city = models.CharField(max_length=120, blank=True)
    country = models.ForeignKey(Country, on_delete=models.PROTECT, related_name="regions")
    zone = models.ForeignKey(GridZone, on_delete=models.PROTECT, related_name="regions")
    latitude = models.FloatField(validators=LATITUDE)
    longitude = models.FloatField(validators=LONGITUDE)
    pue = models.FloatField(
        "PUE",
        null=True,
        blank=True,
        validators=[MinValueValidator(1.0), MaxValueValidator(3.0)],
        help_text="Unknown: leave empty; the policy's default is assumed and said so.",
    )
    pue_source = models.CharField(max_length=300, blank=True)
    contracted_cfe_share = models.FloatField(
        "contracted carbon-free share",
        null=True,
        blank=True,
        validators=SHARE,
        help_text="Hourly matched supply under contract, 0..1. Unknown: leave empty.",
    )
    contracted_cfe_source = models.CharField(max_length=300, blank=True)
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=Q(pue__isnull=True) | Q(pue__gte=1.0), name="region_pue_at_least_one"),
            models.CheckConstraint(
                condition=Q(contracted_cfe_share__isnull=True)
                | Q(contracted_cfe_share__gte=0, contracted_cfe_share__lte=1),
                name="region_cfe_share_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.city or self.name})"


class RegionCapacity(models.Model):
    """Tokens an hour that a region can serve of one model class."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="capacities")
    model_class = models.CharField(max_length=3)
    tokens_per_hour = models.PositiveBigIntegerField()
    source = models.CharField(
        max_length=200, blank=True, help_text="Who says so: a contract, a measurement, or an assumption."
    )
    history = HistoricalRecords()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "model_class"], name="region_capacity_unique")]
        verbose_name_plural = "region capacities"

    def __str__(self) -> str:
        return f"{self.region_id} {self.model_class}: {self.tokens_per_hour}/h"
