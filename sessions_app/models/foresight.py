"""What was foreseen, what came of it, and what is proposed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class ExhaustionForecast(models.Model):
    """When a window, or the k-th of them, will be full; scored when it has come or has not."""

    class Kind(models.TextChoices):
        AGENT = "agent", "One agent"
        COLLECTIVE = "collective", "The k-th agent"

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    agent = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField()
    seq = models.BigIntegerField()
    k = models.PositiveSmallIntegerField(default=1)
    low_seconds = models.FloatField()
    central_seconds = models.FloatField()
    high_seconds = models.FloatField()
    is_joint = models.BooleanField(default=False, help_text="Two or more agents crossed the joint share in one step.")
    correlation = models.FloatField(null=True, blank=True, help_text="Of increments; a diagnostic, not a predictor.")
    handoff = models.ForeignKey("Handoff", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    actual_seconds = models.FloatField(null=True, blank=True)
    was_right = models.BooleanField(null=True, blank=True, help_text="The actual time lay within the band.")
    scored_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["session", "scored_at"], name="exhaustion_unscored")]
        constraints = [
            models.CheckConstraint(
                condition=Q(low_seconds__lte=models.F("central_seconds"))
                & Q(central_seconds__lte=models.F("high_seconds")),
                name="exhaustion_band_in_order",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.agent}"


class Proposal(models.Model):
    """A change that the analysis of a session suggests; a person accepts or rejects it."""

    class Kind(models.TextChoices):
        BUDGET = "budget", "Budget"
        SHARES = "shares", "Component shares"
        THRESHOLDS = "thresholds", "Thresholds"
        CLEANUP = "cleanup", "Order of cleanup"

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        ACCEPTED = "accepted", "Accepted"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    subject = models.CharField(max_length=120, help_text="What it is about: a component, an agent, a budget.")
    before = models.JSONField()
    after = models.JSONField()
    evidence = models.JSONField(help_text="The figures that it rests on.")
    expected = models.JSONField(help_text="What it should bring, with unit.")
    status = models.CharField(max_length=9, choices=Status, default=Status.OPEN)
    made_at = models.DateTimeField()
    decided_by = models.CharField(max_length=120, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    rationale = models.CharField(max_length=300, blank=True)
    effect = models.JSONField(null=True, blank=True, help_text="What it brought, measured afterwards.")
    measured_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "kind", "subject"], condition=Q(status="open"), name="proposal_one_open"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["open", "withdrawn"]) | (~Q(decided_by="") & Q(decided_at__isnull=False)),
                name="proposal_decided_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
