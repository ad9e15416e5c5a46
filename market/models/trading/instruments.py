"""What is traded, and when it is not."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from budgets.domain.periods import Period
from budgets.domain.units import Unit

UNITS = [(unit.value, unit.value) for unit in Unit if unit != Unit.MICRO_USD]


class Instrument(models.Model):
    """Quota in one unit, for one model class or any, of one period: tokens for class L of November.

    Made when the first order comes. A period that has not begun makes it a forward. A tick is one
    micro-USD for a lot of `lot_units`. Whoever trades locks this row first.
    """

    code = models.SlugField(primary_key=True, max_length=60, help_text="market.domain.trading.instruments.")
    unit = models.CharField(max_length=9, choices=UNITS)
    model_class = models.CharField(max_length=3, blank=True)
    period = models.CharField(max_length=7, choices=[(each.value, each.value) for each in Period])
    period_starts_at = models.DateTimeField(null=True, blank=True, help_text="Empty: quota without an end.")
    period_ends_at = models.DateTimeField(null=True, blank=True)
    lot_units = models.PositiveIntegerField()
    mechanism = models.CharField(max_length=10, default="auction")
    next_call_at = models.DateTimeField(null=True, blank=True, help_text="Empty: nothing waits.")
    last_price_ticks = models.PositiveBigIntegerField(null=True, blank=True, help_text="Of the last call that traded.")
    last_traded_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["code"]
        indexes = [models.Index(fields=["next_call_at"], name="instrument_due")]

    def __str__(self) -> str:
        return self.code


class TradingHalt(models.Model):
    """A time in which an instrument, or with none everything, does not trade."""

    class Kind(models.TextChoices):
        VOLATILITY = "volatility", "price moved too far"
        ADMIN = "admin", "halted by an administrator"

    instrument = models.ForeignKey(Instrument, null=True, blank=True, on_delete=models.PROTECT, related_name="halts")
    kind = models.CharField(max_length=10, choices=Kind)
    starts_at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True, help_text="Empty: until somebody resumes.")
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300)
    actor = models.CharField(max_length=120)
    ended_by = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["instrument"], condition=Q(ended_at=None), name="halt_one_open_per_instrument"
            ),
            models.UniqueConstraint(
                fields=["kind"], condition=Q(ended_at=None, instrument=None), name="halt_one_open_of_all"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id or 'all'} {self.kind} {self.starts_at}"
