"""What goes out: every figure with unit, source, time and basis."""

from __future__ import annotations

from rest_framework import serializers


class SignalOut(serializers.Serializer):  # type: ignore[type-arg]
    """Intensity of a zone in a period, g CO2e/kWh, and how well it is known."""

    zone = serializers.CharField()
    starts_at = serializers.DateTimeField()
    period_minutes = serializers.IntegerField()
    intensity_g_per_kwh = serializers.FloatField()
    low_g_per_kwh = serializers.FloatField(allow_null=True)
    high_g_per_kwh = serializers.FloatField(allow_null=True)
    renewable_share = serializers.FloatField(allow_null=True)
    carbon_free_share = serializers.FloatField(allow_null=True)
    kind = serializers.CharField()
    scope = serializers.CharField()
    basis = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    as_of = serializers.DateTimeField()
    flags = serializers.ListField(child=serializers.CharField())
    skipped = serializers.ListField(child=serializers.CharField(), help_text="Why no better rung was taken.")


class RegionOut(serializers.Serializer):  # type: ignore[type-arg]
    """A region with its grid's intensity now. PUE null is unknown."""

    code = serializers.CharField()
    provider = serializers.CharField()
    name = serializers.CharField()
    city = serializers.CharField()
    country = serializers.CharField(source="country_code")
    zone = serializers.CharField()
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()
    pue = serializers.FloatField(allow_null=True)
    pue_source = serializers.CharField()
    contracted_cfe_share = serializers.FloatField(allow_null=True)
    contracted_cfe_source = serializers.CharField()
    is_active = serializers.BooleanField()
    capacity_tokens_per_hour = serializers.DictField(child=serializers.IntegerField())
    capacity_source = serializers.DictField(
        child=serializers.CharField(),
        help_text='Of each model class; where nobody stated it, it begins with "assumed".',
    )
    intensity = SignalOut(allow_null=True)


class SourceOut(serializers.Serializer):  # type: ignore[type-arg]
    """How a provider of data does."""

    name = serializers.CharField()
    title = serializers.CharField()
    state = serializers.CharField()
    is_enabled = serializers.BooleanField()
    is_stale = serializers.BooleanField()
    age_minutes = serializers.FloatField(allow_null=True)
    interval_minutes = serializers.IntegerField()
    last_attempt_at = serializers.DateTimeField(allow_null=True)
    last_success_at = serializers.DateTimeField(allow_null=True)
    latest_period_at = serializers.DateTimeField(allow_null=True)
    next_due_at = serializers.DateTimeField(allow_null=True)
    consecutive_failures = serializers.IntegerField()
    breaker = serializers.ChoiceField(choices=["open", "closed"])
    last_error = serializers.CharField()


class EmergencyOut(serializers.Serializer):  # type: ignore[type-arg]
    """An emergency in force."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    title = serializers.CharField()
    countries = serializers.ListField(child=serializers.CharField(), source="country_codes")
    purposes = serializers.ListField(child=serializers.CharField())
    multiplier = serializers.FloatField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)


class WindowOut(serializers.Serializer):  # type: ignore[type-arg]
    """The greenest window of a region and what it saves against starting now."""

    region = serializers.CharField()
    zone = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    mean_g_per_kwh = serializers.FloatField()
    now_g_per_kwh = serializers.FloatField(help_text="Mean of the same duration starting in this hour.")
    saving_percent = serializers.FloatField(help_text="Against starting now in the same region.")
    bases = serializers.ListField(child=serializers.CharField(), help_text="Rungs the hours of the window come from.")
