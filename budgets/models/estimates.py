"""What is learned about how many tokens work takes."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class EstimateGroup(models.Model):
    """Work of one kind: how many tokens it takes beyond its input, learned from what was settled."""

    mode = models.CharField(max_length=10)
    role_count = models.PositiveSmallIntegerField()
    complexity_band = models.CharField(max_length=8, help_text="low, medium, high or unknown.")
    model_class = models.CharField(max_length=4)
    purpose = models.CharField(max_length=60)
    p50_tokens = models.FloatField()
    p95_tokens = models.FloatField()
    outcome_count = models.PositiveIntegerField(default=0)
    within_target_count = models.PositiveIntegerField(default=0, help_text="Predictions within 30 % of the outcome.")
    covered_count = models.PositiveIntegerField(default=0, help_text="Outcomes that the 95th percentile covered.")
    error_sum = models.FloatField(default=0.0, help_text="Sum of relative errors, to take their mean from.")
    smoothed_error = models.FloatField(default=0.0, help_text="Relative error, smoothed with the learning rate.")
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["mode", "model_class", "purpose"]
        constraints = [
            models.UniqueConstraint(
                fields=["mode", "role_count", "complexity_band", "model_class", "purpose"],
                name="estimate_group_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.mode} {self.model_class} {self.purpose}"


class EstimateOutcome(models.Model):
    """A prediction and what came of it. Append-only; learned from once."""

    reference = models.CharField(max_length=120, unique=True, help_text="Which work, for example request:<id>.")
    mode = models.CharField(max_length=10)
    role_count = models.PositiveSmallIntegerField()
    complexity_band = models.CharField(max_length=8)
    model_class = models.CharField(max_length=4)
    purpose = models.CharField(max_length=60)
    predicted_p50_tokens = models.FloatField()
    predicted_p95_tokens = models.FloatField()
    actual_tokens = models.BigIntegerField(help_text="Tokens that were used beyond the input.")
    at = models.DateTimeField()
    learned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["id"], condition=Q(learned_at=None), name="estimate_outcome_new")]

    def __str__(self) -> str:
        return f"{self.reference}: {self.actual_tokens}"
