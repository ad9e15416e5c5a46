"""Changes by hand, alone or with a second pair of eyes."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from budgets.models.tree import Budget


class Adjustment(models.Model):
    """A change by hand that was proposed; applied at once, or after a second person agreed.

    `amount` is in steps: the new base limit (kind limit), what is added to or taken from spent
    (kind spent); the others have none.
    """

    class Kind(models.TextChoices):
        LIMIT = "limit", "another limit"
        SPENT = "spent", "a correction of what was spent"
        RESET = "reset", "a reset"
        SINGLE = "single", "an end of the need for a second person"

    class Status(models.TextChoices):
        PROPOSED = "proposed"
        APPLIED = "applied"
        REJECTED = "rejected"

    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="adjustments")
    kind = models.CharField(max_length=6, choices=Kind)
    amount = models.BigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=300)
    status = models.CharField(max_length=8, choices=Status, default=Status.PROPOSED)
    proposed_by = models.CharField(max_length=120)
    proposed_at = models.DateTimeField()
    needed_two = models.BooleanField(default=False)
    decided_by = models.CharField(max_length=120, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-proposed_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(needed_two=False) | ~Q(status="applied") | ~Q(decided_by=F("proposed_by")),
                name="adjustment_two_people",
            ),
            models.CheckConstraint(
                condition=Q(status="proposed", decided_at__isnull=True)
                | (~Q(status="proposed") & Q(decided_at__isnull=False)),
                name="adjustment_decided_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.budget_id}: {self.status}"
