"""Facts, and what a session is found by."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from sessions_app.domain.words import FactKind


class Fact(models.Model):
    """Something that must not be lost: never summarised, never changed; a newer fact may take its place."""

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+", db_index=False)
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=[(each.value, each.value) for each in FactKind])
    text = models.TextField()
    agent = models.CharField(max_length=80, blank=True)
    is_pinned = models.BooleanField(default=False, help_text="In every prompt, summary and continuity document.")
    from_seq = models.BigIntegerField()
    superseded_by = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["session", "number"]
        constraints = [
            models.UniqueConstraint(fields=["session", "number"], name="fact_number_unique"),
            models.CheckConstraint(condition=~Q(text=""), name="fact_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class SessionLikeness(models.Model):
    """The words that a session is found by, and what it took: to correct estimates of sessions like it."""

    session = models.OneToOneField("Session", on_delete=models.PROTECT, primary_key=True, related_name="+")
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="+")
    text = models.TextField()
    term_counts = models.JSONField(default=dict)
    tokens_used = models.PositiveBigIntegerField()
    seconds = models.PositiveBigIntegerField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.session_id)


class SessionVector(models.Model):
    """Whether there is a vector of what a session is about, and why not.

    Where PostgreSQL has pgvector the table has one more column, `vector`, of length 1 and so many `dimensions`,
    which only raw statements read. `asked_at` tells one asking from the next.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        MADE = "made", "Made"
        NONE = "none", "None"

    session = models.OneToOneField("Session", on_delete=models.PROTECT, primary_key=True, related_name="+")
    model = models.CharField(max_length=120)
    status = models.CharField(max_length=7, choices=Status)
    problem = models.CharField(max_length=60, blank=True, help_text="Code of the refusal.")
    tries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True, blank=True)
    dimensions = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=Q(status="waiting"), name="sessionvector_due"),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} {self.status}"
