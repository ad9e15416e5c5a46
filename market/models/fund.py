"""The Access Fund and its books."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from market.models.requests import AllocationRequest

FUND_NAME = "access-fund"


class Fund(models.Model):
    """Pays the discounts of those in need from the premiums of the others. Never below zero."""

    name = models.SlugField(primary_key=True, max_length=40)
    balance_micro_usd = models.BigIntegerField(default=0)
    reserved_micro_usd = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(reserved_micro_usd__gte=0), name="fund_reserved_not_negative"),
            models.CheckConstraint(
                condition=Q(balance_micro_usd__gte=F("reserved_micro_usd")), name="fund_never_below_zero"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class FundEntry(models.Model):
    """One change to the Fund. Append-only; the sum of all entries is the Fund's state."""

    class Kind(models.TextChoices):
        DEPOSIT = "deposit"
        RESERVE = "reserve"
        RELEASE = "release"
        DISCOUNT = "discount"
        PREMIUM = "premium"
        SUBSIDY = "subsidy", "paid to buyers in the market"
        MARKET_PREMIUM = "market_premium", "from buyers in the market"
        ADDER = "adder", "carbon adder of sellers"
        ROUNDING = "rounding", "rounding of trades"
        CHARGE = "charge", "charge for conduct"
        REWARD = "reward", "reward for conduct"
        REVERSAL = "reversal", "a trade taken back"

    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="entries")
    request = models.ForeignKey(AllocationRequest, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    journal = models.ForeignKey("Journal", null=True, blank=True, on_delete=models.PROTECT, related_name="fund_entries")
    kind = models.CharField(max_length=14, choices=Kind)
    balance_delta_micro_usd = models.BigIntegerField(default=0)
    reserved_delta_micro_usd = models.BigIntegerField(default=0)
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "fund entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.balance_delta_micro_usd}"
