"""The budget tree, holds on it, and the ledger that explains every figure of it.

All amounts are whole steps of the budget's unit: tokens, micrograms CO2e or micro-USD
(`budgets.domain.units.STEPS_PER_UNIT`).
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from budgets.domain.periods import Period
from budgets.domain.units import Unit


class Budget(models.Model):
    """A node of the tree organisation > team > session > agent, in one unit, for one period."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    team = models.ForeignKey("accounts.Team", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    depth = models.PositiveSmallIntegerField(default=0, editable=False)
    path_ids = models.JSONField(default=list, editable=False, help_text="This budget and its ancestors, leaf first.")
    unit = models.CharField(max_length=9, choices=[(unit.value, unit.value) for unit in Unit])
    period = models.CharField(
        max_length=7, choices=[(period.value, period.value) for period in Period], default=Period.ONE_OFF
    )
    period_starts_at = models.DateTimeField()
    period_ends_at = models.DateTimeField(null=True, blank=True)
    limit = models.BigIntegerField()
    spent = models.BigIntegerField(default=0, editable=False)
    reserved = models.BigIntegerField(default=0, editable=False)
    overdraft = models.BigIntegerField(
        default=0, editable=False, help_text="Work that used more than was held and did not fit any more."
    )
    tradeable = models.BigIntegerField(default=0, editable=False)
    is_default = models.BooleanField(default=False, help_text="Pays when a request of the team names no budget.")
    created_at = models.DateTimeField()
    deallocated_at = models.DateTimeField(null=True, blank=True, editable=False)
    history = HistoricalRecords(excluded_fields=["spent", "reserved", "overdraft", "tradeable"])

    class Meta:
        ordering = ["depth", "name"]
        constraints = [
            models.CheckConstraint(condition=Q(reserved__gte=0), name="budget_reserved_not_negative"),
            models.CheckConstraint(condition=Q(spent__gte=0), name="budget_spent_not_negative"),
            models.CheckConstraint(condition=Q(overdraft__gte=0), name="budget_overdraft_not_negative"),
            models.CheckConstraint(condition=Q(tradeable__gte=0), name="budget_tradeable_not_negative"),
            models.CheckConstraint(condition=Q(limit__gte=F("spent") + F("reserved")), name="budget_never_overspent"),
            models.UniqueConstraint(
                fields=["team"],
                condition=Q(is_default=True, deallocated_at__isnull=True),
                name="budget_one_default_per_team",
            ),
        ]
        indexes = [models.Index(fields=["team"], name="budget_team")]

    def __str__(self) -> str:
        return f"{self.name} ({self.unit})"


class Hold(models.Model):
    """A reservation on a budget and all its ancestors, with a lease. It resolves once."""

    class Status(models.TextChoices):
        RESERVED = "reserved"
        DISPATCHED = "dispatched"
        SETTLED = "settled"
        RELEASED = "released"
        EXPIRED = "expired"

    OPEN = (Status.RESERVED, Status.DISPATCHED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="holds")
    status = models.CharField(max_length=10, choices=Status, default=Status.RESERVED)
    fence = models.PositiveIntegerField(
        default=1, help_text="Rises with every change; a late worker holding an old number is refused."
    )
    reference = models.CharField(max_length=80, help_text="What the hold is for, for example request:<id>.")
    tokens = models.BigIntegerField()
    carbon_ug = models.BigIntegerField()
    micro_usd = models.BigIntegerField()
    created_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["reference"],
                condition=Q(status__in=["reserved", "dispatched"]),
                name="hold_one_open_per_reference",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["reserved", "dispatched"], resolved_at__isnull=True)
                | (~Q(status__in=["reserved", "dispatched"]) & Q(resolved_at__isnull=False)),
                name="hold_resolved_has_a_time",
            ),
        ]
        indexes = [models.Index(fields=["lease_expires_at"], condition=Q(status="reserved"), name="hold_lease_open")]

    def __str__(self) -> str:
        return f"{self.reference} {self.status}"


class HoldLine(models.Model):
    """What one hold takes from one budget of its path."""

    hold = models.ForeignKey(Hold, on_delete=models.CASCADE, related_name="lines")
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="+")
    reserved = models.BigIntegerField()
    settled = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hold", "budget"], name="hold_line_unique"),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="hold_line_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.budget_id}: {self.reserved}"


class LedgerEntry(models.Model):
    """One change to one budget. Append-only; the sum of all entries is the budget's state."""

    class Kind(models.TextChoices):
        ALLOT = "allot"
        HOLD = "hold"
        SETTLE = "settle"
        RELEASE = "release"
        EXPIRE = "expire"
        PERIOD = "period"
        DEALLOCATE = "deallocate"

    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="ledger")
    hold = models.ForeignKey(Hold, null=True, blank=True, on_delete=models.PROTECT, related_name="ledger")
    kind = models.CharField(max_length=10, choices=Kind)
    limit_delta = models.BigIntegerField(default=0)
    spent_delta = models.BigIntegerField(default=0)
    reserved_delta = models.BigIntegerField(default=0)
    overdraft_delta = models.BigIntegerField(default=0)
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["budget", "-id"], name="ledger_of_budget")]
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.budget_id}"


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


class ThresholdCrossing(models.Model):
    """A budget passed a threshold in a period: recorded once, in the transaction that passed it."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="crossings")
    period_starts_at = models.DateTimeField()
    percent = models.PositiveSmallIntegerField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(fields=["budget", "period_starts_at", "percent"], name="threshold_crossing_once")
        ]

    def __str__(self) -> str:
        return f"{self.budget_id} passed {self.percent} %"
