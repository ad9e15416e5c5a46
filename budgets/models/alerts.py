"""What budgets tell people and programs: recorded once, then delivered at least once."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from budgets.models.holds import Hold
from budgets.models.tree import Budget


class BudgetAlert(models.Model):
    """Something about a budget that should be noticed, recorded in the transaction that made it true.

    `level` is a percentage (kind percent), an amount in steps (kind amount), the overdrawn steps
    (kind overdraft), the percentage that is forecast to be passed (kind forecast) or the number that the
    app above gives its notice (kind notice), which then is told once.
    """

    class Kind(models.TextChoices):
        PERCENT = "percent"
        AMOUNT = "amount"
        OVERDRAFT = "overdraft"
        FORECAST = "forecast"
        NOTICE = "notice"

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.PERCENT)
    level = models.BigIntegerField()
    period_starts_at = models.DateTimeField()
    hold = models.ForeignKey(Hold, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    facts = models.JSONField(default=dict)
    fanned_out_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When a delivery was made for every channel."
    )

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(
                fields=["budget", "kind", "period_starts_at", "level"],
                condition=~Q(kind="overdraft"),
                name="budget_alert_once",
            ),
            models.UniqueConstraint(
                fields=["budget", "hold"], condition=Q(kind="overdraft"), name="budget_overdraft_alert_once"
            ),
        ]
        indexes = [models.Index(fields=["at"], condition=Q(fanned_out_at=None), name="budget_alert_waiting")]

    def __str__(self) -> str:
        return f"{self.budget_id} {self.kind} {self.level}"


class AlertChannel(models.Model):
    """Where alerts of an organisation's or a team's budgets go, besides the dashboard."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Signed webhook"

    name = models.CharField(max_length=120)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(
        "accounts.Team",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Empty: alerts of every budget of the organisation.",
    )
    kind = models.CharField(max_length=7, choices=Kind)
    address = models.CharField(max_length=500, help_text="The URL, or e-mail addresses separated by commas.")
    sealed_secret = models.TextField(blank=True, editable=False, help_text="What webhooks are signed with, encrypted.")
    alert_kinds = models.JSONField(default=list, blank=True, help_text="Kinds of alert; empty: all.")
    least_percent = models.PositiveSmallIntegerField(default=0, help_text="Percentages below this are left out.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    history = HistoricalRecords(excluded_fields=["sealed_secret"])

    class Meta:
        ordering = ["organisation", "name"]
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="alert_channel_name_unique")]

    def __str__(self) -> str:
        return self.name


class AlertDelivery(models.Model):
    """One alert on its way to one channel. Tried until it arrives or its time is over."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False, help_text="Sent as webhook-id.")
    alert = models.ForeignKey(
        BudgetAlert,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="deliveries",
        help_text="Empty: a test.",
    )
    channel = models.ForeignKey(AlertChannel, on_delete=models.CASCADE, related_name="deliveries")
    status = models.CharField(max_length=9, choices=Status, default=Status.WAITING)
    payload = models.JSONField(default=dict)
    attempt_count = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True, blank=True, editable=False)
    fence = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)
    retried_by = models.CharField(
        max_length=120, blank=True, editable=False, help_text="Who had it tried again by hand, last."
    )

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "alert deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "channel"], condition=Q(alert__isnull=False), name="alert_delivery_once"
            )
        ]
        indexes = [models.Index(fields=["next_attempt_at"], condition=Q(status="waiting"), name="alert_delivery_due")]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"


class DeliveryAttempt(models.Model):
    """One try of a delivery: the delivery log."""

    delivery = models.ForeignKey(AlertDelivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.at} {self.status_code or self.error}"
