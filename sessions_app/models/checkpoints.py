"""Points of a session's log to which one can return, each with a document that says how to go on."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from sessions_app.domain.words import Reason


class Checkpoint(models.Model):
    """A named point of the log. The state there is folded from the log; the document stands here or in its archive."""

    class Tier(models.TextChoices):
        HOT = "hot", "Hot"
        ARCHIVED = "archived", "Archived"

    class Store(models.TextChoices):
        DATABASE = "database", "Database"
        SPOOL = "spool", "Local spool file"
        EMERGENCY = "emergency", "Emergency record"

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+", db_index=False)
    seq = models.BigIntegerField(help_text="The state after this event.")
    at = models.DateTimeField()
    reason = models.CharField(max_length=9, choices=[(each.value, each.value) for each in Reason])
    tier = models.CharField(max_length=8, choices=Tier, default=Tier.HOT)
    store = models.CharField(max_length=9, choices=Store, default=Store.DATABASE, help_text="Where it was kept first.")
    digest = models.BinaryField(max_length=32, help_text="Of the state, as the event has it.")
    document = models.JSONField(null=True, blank=True, help_text="The continuity document.")
    summary = models.TextField(blank=True)
    keeps_text = models.BooleanField(default=False, help_text="The gate refused the summary: the text was kept.")
    gate = models.JSONField(default=dict, help_text="What the gate found.")
    windows = models.JSONField(default=dict, help_text="Tokens in context by agent.")
    sha256 = models.BinaryField(max_length=32, help_text="Of document, summary and windows as canonical JSON.")
    archive = models.ForeignKey("Archive", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["session", "-seq", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "seq", "reason"], name="checkpoint_once"),
            models.CheckConstraint(
                condition=Q(tier="hot", document__isnull=False) | Q(tier="archived", archive__isnull=False),
                name="checkpoint_is_kept_somewhere",
            ),
        ]

    def __str__(self) -> str:
        return f"checkpoint at {self.seq}"
