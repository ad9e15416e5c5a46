"""What goes out: every figure with unit, source, time and basis."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from climate.domain.windows import GreenWindow


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
    as_of = serializers.DateTimeField(help_text="When the source last said so.")
    measured_until = serializers.DateTimeField(
        allow_null=True, help_text="End of the newest measured period that was used; null for what was not measured."
    )
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
    home = serializers.CharField()
    licence = serializers.CharField()
    state = serializers.ChoiceField(choices=["never", "ok", "failing", "refused", "unconfigured"])
    is_enabled = serializers.BooleanField()
    is_stale = serializers.BooleanField()
    age_minutes = serializers.FloatField(allow_null=True)
    interval_minutes = serializers.IntegerField()
    last_attempt_at = serializers.DateTimeField(allow_null=True)
    last_success_at = serializers.DateTimeField(allow_null=True)
    latest_period_at = serializers.DateTimeField(allow_null=True)
    next_due_at = serializers.DateTimeField(allow_null=True)
    consecutive_failures = serializers.IntegerField()
    not_before = serializers.DateTimeField(allow_null=True, help_text="The source asked us to wait until then.")
    is_running = serializers.BooleanField(help_text="It is being asked at this moment.")
    breaker = serializers.ChoiceField(
        choices=["closed", "open", "half_open"],
        help_text="open: left alone after repeated failures or a refusal; half_open: the next asking decides.",
    )
    requests_in_hour = serializers.IntegerField()
    requests_per_hour = serializers.IntegerField(help_text="No more are made.")
    needs = serializers.ListField(
        child=serializers.CharField(), help_text="Settings of the deployment without which it is not asked."
    )
    last_error = serializers.CharField()


class ReadingOut(SignalOut):
    """An hour by the ladder, or one reading as its source reports it."""

    revision = serializers.IntegerField(
        allow_null=True, help_text="How often the source has changed this reading; null for an hour of the ladder."
    )


class ZoneOut(serializers.Serializer):  # type: ignore[type-arg]
    """A grid zone with its intensity in this hour. Country and place null are unknown."""

    code = serializers.CharField()
    name = serializers.CharField()
    country = serializers.CharField(source="country_code", allow_null=True)
    country_name = serializers.CharField()
    latitude = serializers.FloatField(allow_null=True)
    longitude = serializers.FloatField(allow_null=True)
    live_source = serializers.CharField(allow_null=True, help_text="Null: the intensity is not live.")
    intensity = SignalOut(source="signal")


class ScoreOut(serializers.Serializer):  # type: ignore[type-arg]
    """How wrong the forecasts of a source were for a zone, over hours that have passed."""

    zone = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    kind = serializers.CharField()
    scope = serializers.CharField()
    lead = serializers.CharField(help_text="1, 2-24, 25-48 or 49-96 hours between issue and hour.")
    hours = serializers.IntegerField(help_text="Hours scored.")
    mape_percent = serializers.FloatField(help_text="Mean absolute error in percent of the measured value.")
    mae_g_per_kwh = serializers.FloatField(help_text="Mean absolute error, g CO2e/kWh.")
    coverage_percent = serializers.FloatField(
        allow_null=True, help_text="Share of hours measured within the forecast's band; null without a band."
    )


class SavingOut(serializers.Serializer):  # type: ignore[type-arg]
    """What a window saves; negative where it costs. The range is null where one end is not known."""

    percent = serializers.FloatField()
    g_per_kwh = serializers.FloatField()
    low_percent = serializers.FloatField(allow_null=True)
    high_percent = serializers.FloatField(allow_null=True)
    low_g_per_kwh = serializers.FloatField(allow_null=True)
    high_g_per_kwh = serializers.FloatField(allow_null=True)


class HomeOut(serializers.Serializer):  # type: ignore[type-arg]
    """The window against running now in the named home region."""

    region = serializers.CharField()
    now_g_per_kwh = serializers.FloatField()
    bases = serializers.ListField(child=serializers.CharField())
    saving = SavingOut()


class WindowOut(serializers.Serializer):  # type: ignore[type-arg]
    """The greenest window of a region and what it saves against starting now.

    Low and high are the means of the hours' lows and highs; an hour that was reported is its own
    low and high, and one hour without a range leaves both null.
    """

    region = serializers.CharField()
    zone = serializers.CharField()
    starts_at = serializers.DateTimeField(source="window.starts_at")
    ends_at = serializers.DateTimeField(source="window.ends_at")
    mean_g_per_kwh = serializers.FloatField(source="window.mean_g_per_kwh")
    low_g_per_kwh = serializers.FloatField(source="window.low_g_per_kwh", allow_null=True)
    high_g_per_kwh = serializers.FloatField(source="window.high_g_per_kwh", allow_null=True)
    now_g_per_kwh = serializers.FloatField(
        source="now.mean_g_per_kwh", help_text="Mean of the same duration starting in this hour."
    )
    now_low_g_per_kwh = serializers.FloatField(source="now.low_g_per_kwh", allow_null=True)
    now_high_g_per_kwh = serializers.FloatField(source="now.high_g_per_kwh", allow_null=True)
    saving_percent = serializers.FloatField(
        source="saving.percent", help_text="Against starting now in the same region."
    )
    saving = SavingOut()
    bases = serializers.ListField(
        child=serializers.CharField(), source="window.bases", help_text="Rungs the hours of the window come from."
    )
    sources = serializers.ListField(child=serializers.CharField(), source="window.sources")
    now_bases = serializers.ListField(child=serializers.CharField(), source="now.bases")
    home = serializers.SerializerMethodField(help_text="Null unless `home` names a region.")

    @extend_schema_field(HomeOut(allow_null=True))
    def get_home(self, window: GreenWindow) -> dict[str, Any] | None:
        """The comparison with the home region."""
        if window.home_now is None:
            return None
        values = {
            "region": window.home_region,
            "now_g_per_kwh": window.home_now.mean_g_per_kwh,
            "bases": window.home_now.bases,
            "saving": window.home_saving,
        }
        return dict(HomeOut(values).data)
