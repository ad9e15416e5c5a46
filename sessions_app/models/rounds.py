"""Rounds: several agents on one matter, first blind to each other."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from sessions_app.domain.words import Stance


class Round(models.Model):
    """One matter put to several agents. The first cycle is blind."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+")
    topic = models.TextField()
    agents = models.JSONField(help_text="Who is asked.")
    cycle = models.PositiveSmallIntegerField(default=1)
    status = models.CharField(max_length=6, choices=Status, default=Status.OPEN)
    outcome = models.JSONField(default=dict, help_text="Agreement, choice and its reason, dissents that were kept.")
    started_by = models.CharField(max_length=120)
    started_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", closed_at=None) | Q(status="closed", closed_at__isnull=False),
                name="round_closed_has_a_time",
            )
        ]

    def __str__(self) -> str:
        return self.topic[:60]


class Turn(models.Model):
    """What one agent said in one cycle: its stance and how sure it is, in its own words."""

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="turns")
    cycle = models.PositiveSmallIntegerField()
    agent = models.CharField(max_length=80)
    stance = models.CharField(max_length=7, choices=[(each.value, each.value) for each in Stance])
    confidence = models.FloatField(help_text="0 to 1, as stated.")
    text = models.TextField(blank=True, help_text="Empty when it has left the hot tier; then see its archive.")
    reason = models.TextField(blank=True, help_text="Why it dissents or abstains; kept for ever.")
    prompt_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    marks = models.JSONField(default=list, help_text="Unmarked dissent, conflicts of numbers, repeats.")
    hot_until = models.DateTimeField()
    archive = models.ForeignKey("Archive", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    seq = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["round", "cycle", "id"]
        constraints = [
            models.UniqueConstraint(fields=["round", "cycle", "agent"], name="turn_once_a_cycle"),
            models.CheckConstraint(condition=Q(confidence__gte=0, confidence__lte=1), name="turn_confidence_range"),
            models.CheckConstraint(condition=~Q(text="") | Q(archive__isnull=False), name="turn_is_kept_somewhere"),
            models.CheckConstraint(condition=~Q(stance="dissent") | ~Q(reason=""), name="turn_dissent_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.agent} in cycle {self.cycle}"
