"""The append-only ledger, and sums of it that are kept in the same transaction."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from budgets.models.holds import Hold
from budgets.models.tree import Budget

COMMON_KINDS = ("hold", "settle", "release", "escrow")
IS_RARE = ~Q(kind="hold") & ~Q(kind="settle") & ~Q(kind="release") & ~Q(kind="escrow")
"""Kinds that are no part of ordinary work: an index finds them, and admission does not pay for it.

SQLite uses that index only where a query says the same in the same words, one term each.
"""


class LedgerEntry(models.Model):
    """One change to one budget. Append-only; the sum of all entries is the budget's state."""

    class Kind(models.TextChoices):
        ALLOT = "allot"
        HOLD = "hold"
        SETTLE = "settle"
        CORRECT = "correct"
        RELEASE = "release"
        EXPIRE = "expire"
        ESCROW = "escrow"
        PERIOD = "period"
        RESET = "reset"
        REBALANCE = "rebalance"
        OVERFLOW = "overflow"
        BONUS = "bonus"
        TRADE = "trade"
        ADJUST = "adjust"
        DEALLOCATE = "deallocate"

    # No index of its own: those of the ledger begin with the budget.
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="ledger", db_index=False)
    hold = models.ForeignKey(Hold, null=True, blank=True, on_delete=models.PROTECT, related_name="ledger")
    kind = models.CharField(max_length=10, choices=Kind)
    limit_delta = models.BigIntegerField(default=0)
    spent_delta = models.BigIntegerField(default=0)
    reserved_delta = models.BigIntegerField(default=0)
    overdraft_delta = models.BigIntegerField(default=0)
    tradeable_delta = models.BigIntegerField(default=0)
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["budget", "-id"], name="ledger_of_budget"),
            models.Index(fields=["budget", "-at", "-id"], name="ledger_in_time"),
            models.Index(fields=["budget", "kind", "-at", "-id"], condition=IS_RARE, name="ledger_rare"),
        ]
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.budget_id}"


class SpendBucket(models.Model):
    """What one budget spent in one slice of time, kept in the transaction that spends.

    A slice is an hour, or a sixtieth of a rolling window (`budgets.domain.periods.bucket_of`).
    `refusals` counts asks that this budget turned away.
    """

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="buckets")
    starts_at = models.DateTimeField()
    spent = models.BigIntegerField(default=0)
    refusals = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(fields=["budget", "starts_at"], name="spend_bucket_unique"),
            models.CheckConstraint(condition=Q(spent__gte=0), name="spend_bucket_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.budget_id} {self.starts_at}: {self.spent}"


class PeriodRecord(models.Model):
    """How a period of a budget ended: what analysis and bonus are worked out from."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="past_periods")
    starts_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    base_limit = models.BigIntegerField()
    limit = models.BigIntegerField()
    spent = models.BigIntegerField()
    reserved = models.BigIntegerField()
    overdraft = models.BigIntegerField()
    refusals = models.PositiveIntegerField(default=0)
    hours_refused = models.PositiveIntegerField(default=0, help_text="Hours in which it turned somebody away.")
    efficiency = models.FloatField(
        null=True, blank=True, help_text="Useful tokens for each token held; empty where no quality was reported."
    )

    class Meta:
        ordering = ["-starts_at"]
        constraints = [models.UniqueConstraint(fields=["budget", "starts_at"], name="period_record_unique")]

    def __str__(self) -> str:
        return f"{self.budget_id} {self.starts_at}: {self.spent} of {self.limit}"
