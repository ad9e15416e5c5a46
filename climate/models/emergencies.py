"""Disaster alerts as received, the policy that reads them, and the emergencies that follow."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from simple_history.models import HistoricalRecords

from climate.domain.alerts import AlertLevel, DisasterKind, EmergencyState


class Alert(models.Model):
    """A disaster event of a feed, as its newest version says it."""

    source = models.CharField(max_length=40)
    external_id = models.CharField(max_length=120, help_text="The feed's own name of the event, with its type.")
    kind = models.CharField(max_length=12, choices=[(each.value, each.label) for each in DisasterKind])
    level = models.CharField(max_length=8, choices=[(each.value, each.value) for each in AlertLevel])
    title = models.CharField(max_length=300)
    country_codes = models.JSONField(default=list)
    unknown_places = models.JSONField(default=list, help_text="Countries as the feed wrote them that are not known.")
    severity_text = models.CharField(max_length=300, blank=True)
    glide = models.CharField(max_length=40, blank=True, help_text="The event's number among relief agencies.")
    url = models.URLField(max_length=500, blank=True)
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, help_text="As far as the feed foresees.")
    is_current = models.BooleanField()
    version_at = models.DateTimeField(help_text="When the feed changed it last.")
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    missing_since = models.DateTimeField(
        null=True, help_text="The first complete list of the feed that no longer held it; empty while it is listed."
    )

    class Meta:
        ordering = ["-version_at"]
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="alert_unique")]
        indexes = [models.Index(fields=["is_current", "-version_at"], name="alert_current")]

    def __str__(self) -> str:
        return self.title


class AlertVersion(models.Model):
    """What a feed said of an event at one time. Never changed."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="versions")
    version_at = models.DateTimeField()
    received_at = models.DateTimeField()
    level = models.CharField(max_length=8)
    is_current = models.BooleanField()
    facts = models.JSONField(help_text="All columns of the alert in this version.")

    class Meta:
        ordering = ["-version_at", "-received_at"]
        constraints = [models.UniqueConstraint(fields=["alert", "version_at"], name="alert_version_unique")]

    def __str__(self) -> str:
        return f"{self.alert_id} {self.version_at:%Y-%m-%d %H:%M} {self.level}"


class EmergencyPolicy(models.Model):
    """How alerts become emergencies. A version is never changed; the newest one is in force."""

    version = models.PositiveIntegerField(unique=True)
    terms = models.JSONField(help_text="See climate.domain.emergency_policy.")
    rationale = models.TextField(help_text="Why this version.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    history = HistoricalRecords()

    class Meta:
        ordering = ["-version"]
        verbose_name_plural = "emergency policies"

    def __str__(self) -> str:
        return f"version {self.version}"


class Emergency(models.Model):
    """A climate emergency: proposed or declared, by policy from an alert or by a person."""

    kind = models.CharField(max_length=12, choices=[(each.value, each.label) for each in DisasterKind])
    title = models.CharField(max_length=300)
    state = models.CharField(
        max_length=9, choices=[(each.value, each.value) for each in EmergencyState], default=EmergencyState.ACTIVE
    )
    is_drill = models.BooleanField(default=False, help_text="An exercise: shown as one, and changes no decision.")
    country_codes = models.JSONField(default=list, help_text='Affected countries, for example ["BD", "IN"].')
    purposes = models.JSONField(default=list, help_text='Purposes that are lifted, for example ["disaster_response"].')
    multiplier = models.FloatField(validators=[MinValueValidator(1.0), MaxValueValidator(100.0)])
    reason = models.TextField(help_text="Why it is in its state: source and reference.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    declared_at = models.DateTimeField(db_default=Now())
    alert = models.ForeignKey(
        Alert, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="emergencies"
    )
    alert_level = models.CharField(
        max_length=8, blank=True, editable=False, help_text="Level of the alert when the state was decided."
    )
    policy_version = models.PositiveIntegerField(null=True, blank=True, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When its state was decided.")
    decided_by = models.CharField(
        max_length=160, blank=True, editable=False, help_text="Who decided its state; empty: the policy did."
    )
    is_kept_by_person = models.BooleanField(
        default=False, editable=False, help_text="A person decided on it: the feed no longer changes its state."
    )
    history = HistoricalRecords()

    class Meta:
        verbose_name_plural = "emergencies"
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")), name="emergency_ends_after_start"
            ),
            models.UniqueConstraint(
                fields=["alert"],
                condition=Q(state__in=[EmergencyState.PROPOSED, EmergencyState.ACTIVE]),
                name="one_open_emergency_per_alert",
            ),
        ]

    def __str__(self) -> str:
        return self.title
