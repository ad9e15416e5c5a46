"""Holds on the tree, and the blocks that sessions hold in escrow."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from budgets.domain.gears import Gear
from budgets.models.tree import Budget


class Hold(models.Model):
    """A reservation on a budget and all its ancestors, with a lease. It resolves once.

    A hold that is dispatched and never settled is settled at what was held, `is_unverified`; a late
    settle corrects that once. A hold with an `escrow` has a line for its own budget only: the block
    in escrow covers the ancestors.
    """

    class Status(models.TextChoices):
        RESERVED = "reserved"
        DISPATCHED = "dispatched"
        SETTLED = "settled"
        RELEASED = "released"
        EXPIRED = "expired"

    OPEN = (Status.RESERVED, Status.DISPATCHED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="holds")
    escrow = models.ForeignKey(
        "EscrowLease", null=True, blank=True, on_delete=models.PROTECT, related_name="covered_holds"
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.RESERVED)
    gear = models.CharField(max_length=7, choices=[(each.value, each.value) for each in Gear], default=Gear.DIRECT)
    fence = models.PositiveIntegerField(
        default=1, help_text="Rises with every change; a late worker holding an old number is refused."
    )
    reference = models.CharField(max_length=120, help_text="What the hold is for, for example request:<id>.")
    actor = models.CharField(max_length=120, blank=True)
    tokens = models.BigIntegerField()
    carbon_ug = models.BigIntegerField()
    micro_usd = models.BigIntegerField()
    energy_uwh = models.BigIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField()
    dispatched_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    is_unverified = models.BooleanField(
        default=False, help_text="Settled at what was held, because nobody reported what was used."
    )
    corrected_at = models.DateTimeField(null=True, blank=True, help_text="When a late report replaced that.")

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
            models.CheckConstraint(
                condition=Q(is_unverified=False) | Q(status="settled"), name="hold_unverified_is_settled"
            ),
        ]
        indexes = [
            models.Index(
                fields=["lease_expires_at"],
                condition=Q(status__in=["reserved", "dispatched"]),
                name="hold_lease_open",
            ),
            models.Index(fields=["budget", "-created_at"], name="hold_of_budget"),
            models.Index(fields=["reference"], name="hold_reference"),
        ]

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


class EscrowLease(models.Model):
    """A block that a busy leaf holds at all its ancestors, so that its requests touch the leaf alone.

    `hold` reserves the block at the ancestors: each of its lines is free + used + pending in that
    budget's unit. Free may be promised; used is promised to open holds; pending was spent by the
    leaf and is not yet moved from reserved to spent above.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        CLOSING = "closing"
        CLOSED = "closed"

    AMOUNTS = tuple(
        f"{part}_{unit}"
        for part in ("free", "used", "pending")
        for unit in ("tokens", "carbon_ug", "micro_usd", "energy_uwh")
    )

    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="escrows")
    hold = models.OneToOneField(Hold, on_delete=models.PROTECT, related_name="block_of")
    status = models.CharField(max_length=7, choices=Status, default=Status.OPEN)
    free_tokens = models.BigIntegerField(default=0)
    free_carbon_ug = models.BigIntegerField(default=0)
    free_micro_usd = models.BigIntegerField(default=0)
    free_energy_uwh = models.BigIntegerField(default=0)
    used_tokens = models.BigIntegerField(default=0)
    used_carbon_ug = models.BigIntegerField(default=0)
    used_micro_usd = models.BigIntegerField(default=0)
    used_energy_uwh = models.BigIntegerField(default=0)
    pending_tokens = models.BigIntegerField(default=0)
    pending_carbon_ug = models.BigIntegerField(default=0)
    pending_micro_usd = models.BigIntegerField(default=0)
    pending_energy_uwh = models.BigIntegerField(default=0)
    pending_at = models.DateTimeField(
        null=True, blank=True, help_text="When what is pending was spent: all of it within one minute."
    )
    opened_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["budget"], condition=Q(status="open"), name="escrow_one_open_per_budget"),
            models.CheckConstraint(
                condition=Q(
                    free_tokens__gte=0,
                    free_carbon_ug__gte=0,
                    free_micro_usd__gte=0,
                    free_energy_uwh__gte=0,
                    used_tokens__gte=0,
                    used_carbon_ug__gte=0,
                    used_micro_usd__gte=0,
                    used_energy_uwh__gte=0,
                    pending_tokens__gte=0,
                    pending_carbon_ug__gte=0,
                    pending_micro_usd__gte=0,
                    pending_energy_uwh__gte=0,
                ),
                name="escrow_not_negative",
            ),
            models.CheckConstraint(
                condition=~Q(status="closed")
                | Q(
                    free_tokens=0,
                    free_carbon_ug=0,
                    free_micro_usd=0,
                    free_energy_uwh=0,
                    used_tokens=0,
                    used_carbon_ug=0,
                    used_micro_usd=0,
                    used_energy_uwh=0,
                    pending_tokens=0,
                    pending_carbon_ug=0,
                    pending_micro_usd=0,
                    pending_energy_uwh=0,
                ),
                name="escrow_closed_is_empty",
            ),
        ]
        indexes = [
            models.Index(fields=["last_used_at"], condition=~Q(status="closed"), name="escrow_alive"),
        ]

    def __str__(self) -> str:
        return f"{self.budget_id} {self.status}"
