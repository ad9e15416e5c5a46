"""Figures and shapes that an administrator turns."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from budgets.domain.units import Unit


class Threshold(models.Model):
    """A figure at which something is noticed. An administrator turns it; the history keeps who and why."""

    name = models.SlugField(primary_key=True, max_length=60)
    value = models.FloatField()
    unit = models.CharField(max_length=20)
    description = models.CharField(max_length=300)
    rationale = models.CharField(max_length=300, blank=True, help_text="Why this value.")
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=Q(value__gte=0), name="threshold_not_negative")]

    def __str__(self) -> str:
        return f"{self.name} = {self.value:g} {self.unit}"


class BudgetTemplate(models.Model):
    """A tree of budgets to make from: `[{"name", "limit", "level", "children": [...]}]`, limits in the unit."""

    name = models.SlugField(primary_key=True, max_length=60)
    title = models.CharField(max_length=120)
    description = models.CharField(max_length=300)
    unit = models.CharField(max_length=9, choices=[(unit.value, unit.value) for unit in Unit], default=Unit.TOKENS)
    nodes = models.JSONField(default=list)
    rationale = models.CharField(max_length=300, blank=True, help_text="Why these figures.")
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title
