"""The value of finished work, and what its analysis proposes."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from budgets.models.tree import Budget


class EconomicEvent(models.Model):
    """A score of finished work, in tokens: no money. Append-only."""

    class Kind(models.TextChoices):
        VALUE_CREATION = "value_creation"
        COLLABORATION_BONUS = "collaboration_bonus"
        EFFICIENCY_GAIN = "efficiency_gain"

    kind = models.CharField(max_length=20, choices=Kind)
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="economic_events")
    reference = models.CharField(max_length=120, help_text="Which work, for example request:<id>.")
    held_tokens = models.BigIntegerField()
    used_tokens = models.BigIntegerField()
    quality = models.FloatField(null=True, blank=True)
    collaboration = models.FloatField(null=True, blank=True)
    value_tokens = models.FloatField(help_text="A score, by the formula of the kind.")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "budget", "reference"], name="economic_event_once"),
        ]
        indexes = [models.Index(fields=["budget", "at"], name="economic_event_of_budget")]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class BudgetProposal(models.Model):
    """Other shares of a parent's limit for its children, from past periods. A person accepts or rejects."""

    class Status(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        REJECTED = "rejected"
        SUPERSEDED = "superseded"

    parent = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="proposals")
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    analysed_from = models.DateTimeField()
    analysed_to = models.DateTimeField()
    made_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it was accepted or rejected.")

    class Meta:
        ordering = ["-made_at"]
        constraints = [
            models.UniqueConstraint(fields=["parent"], condition=Q(status="open"), name="proposal_one_open_per_parent")
        ]

    def __str__(self) -> str:
        return f"{self.parent_id} {self.status}"


class ProposalLine(models.Model):
    """What a proposal would do to one child."""

    proposal = models.ForeignKey(BudgetProposal, on_delete=models.CASCADE, related_name="lines")
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="+")
    base_before = models.BigIntegerField()
    base_after = models.BigIntegerField()
    share_before = models.FloatField()
    share_after = models.FloatField()
    explanation = models.CharField(max_length=300)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["proposal", "budget"], name="proposal_line_unique")]

    def __str__(self) -> str:
        return f"{self.budget_id}: {self.base_before} to {self.base_after}"
