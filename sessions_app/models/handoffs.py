"""Handoffs: all agents of a session go over to new instances at once, or none does."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from sessions_app.domain.words import Phase, Protocol

FINISHED = (Phase.COMPLETE.value, Phase.ABORTED.value)


class Handoff(models.Model):
    """One handoff. Every one ends complete or aborted; an aborted one leaves the sources active."""

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    protocol = models.CharField(max_length=11, choices=[(each.value, each.value) for each in Protocol])
    reason = models.CharField(max_length=200)
    phase = models.CharField(max_length=12, choices=[(each.value, each.value) for each in Phase])
    quorum_percent = models.PositiveSmallIntegerField()
    deadline_at = models.DateTimeField()
    checkpoint = models.ForeignKey("Checkpoint", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    copied_seq = models.BigIntegerField(default=0, help_text="The state up to here has been transferred.")
    switched_seq = models.BigIntegerField(null=True, blank=True, help_text="The event of the switch.")
    rounds = models.PositiveSmallIntegerField(default=0, help_text="Transfers: again where the state moved meanwhile.")
    plan = models.JSONField(default=dict, help_text="Order and preloading, from measured history, with its gain.")
    measures = models.JSONField(default=dict, help_text="Milliseconds and bytes by phase.")
    checks = models.JSONField(default=dict, help_text="What validation found.")
    failure = models.CharField(max_length=300, blank=True)
    started_by = models.CharField(max_length=120)
    started_at = models.DateTimeField()
    moved_at = models.DateTimeField(help_text="When it entered its phase.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["session", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["session", "number"], name="handoff_number_unique"),
            models.UniqueConstraint(fields=["session"], condition=~Q(phase__in=FINISHED), name="handoff_one_at_a_time"),
            models.CheckConstraint(
                condition=Q(phase="complete", finished_at__isnull=False, switched_seq__isnull=False)
                | Q(phase="aborted", finished_at__isnull=False, switched_seq=None)
                | (~Q(phase__in=FINISHED) & Q(finished_at=None, switched_seq=None)),
                name="handoff_ends_one_way",
            ),
        ]

    def __str__(self) -> str:
        return f"handoff {self.number}"


class HandoffMember(models.Model):
    """An agent in a handoff: from which instance to which."""

    class Vote(models.TextChoices):
        NONE = "", "None yet"
        READY = "ready", "Ready"
        REFUSED = "refused", "Refused"

    handoff = models.ForeignKey(Handoff, on_delete=models.CASCADE, related_name="members")
    agent = models.CharField(max_length=80)
    source = models.ForeignKey("Instance", on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey("Instance", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    vote = models.CharField(max_length=7, choices=Vote, default=Vote.NONE, blank=True)
    voted_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    copied_seq = models.BigIntegerField(default=0)
    copied_bytes = models.PositiveBigIntegerField(default=0)
    copy_ms = models.FloatField(default=0.0)
    package = models.BinaryField(null=True, blank=True, help_text="What the successor begins with, compressed.")
    sha256 = models.BinaryField(max_length=32, null=True, blank=True, help_text="Of the package before compression.")

    class Meta:
        ordering = ["handoff", "id"]
        constraints = [models.UniqueConstraint(fields=["handoff", "agent"], name="handoffmember_agent_unique")]

    def __str__(self) -> str:
        return self.agent
