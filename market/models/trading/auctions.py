"""Auctions and trades: what was decided, from which inputs, and who got what."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from market.models.policies import Policy
from market.models.trading.instruments import Instrument
from market.models.trading.orders import Order


class Auction(models.Model):
    """One clearing of one instrument: a call, a trade of the residual at the last price, or matches of the book.

    Sums are micro-USD. `paid = received + adders + fund`, where fund is what all of it brought the
    Fund: adders, premia and rounding less subsidies; `factor_percent` is how much of the rates of
    need was applied.
    """

    class Kind(models.TextChoices):
        CALL = "call"
        WINDOW = "window", "residual at the last price"
        BOOK = "book", "continuous book"

    class Status(models.TextChoices):
        CLEARED = "cleared"
        CARRIED = "carried", "too few teams on a side"
        CROSSED_NOT = "no_cross", "no bid met an offer"
        HALTED = "halted"
        REVERSED = "reversed"

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="auctions")
    kind = models.CharField(max_length=6, choices=Kind)
    status = models.CharField(max_length=8, choices=Status)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(help_text="The moment orders were taken from.")
    ran_at = models.DateTimeField()
    reference_ticks = models.PositiveBigIntegerField()
    reference_basis = models.CharField(max_length=10, help_text="trades or service.")
    low_ticks = models.PositiveBigIntegerField()
    high_ticks = models.PositiveBigIntegerField()
    price_ticks = models.PositiveBigIntegerField(null=True, blank=True)
    volume_lots = models.PositiveBigIntegerField(default=0)
    bid_lots = models.PositiveBigIntegerField(default=0)
    ask_lots = models.PositiveBigIntegerField(default=0)
    imbalance_lots = models.BigIntegerField(default=0, help_text="Wanted less offered at the price.")
    bid_teams = models.PositiveIntegerField(default=0)
    ask_teams = models.PositiveIntegerField(default=0)
    factor_percent = models.PositiveSmallIntegerField(default=0)
    paid_micro_usd = models.BigIntegerField(default=0)
    received_micro_usd = models.BigIntegerField(default=0)
    subsidy_micro_usd = models.BigIntegerField(default=0)
    premium_micro_usd = models.BigIntegerField(default=0)
    adder_micro_usd = models.BigIntegerField(default=0)
    rounding_micro_usd = models.BigIntegerField(default=0)
    explanation = models.TextField(blank=True)
    reversed_at = models.DateTimeField(null=True, blank=True)
    reversed_by = models.CharField(max_length=120, blank=True)
    reverse_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["instrument", "closed_at"], condition=Q(kind="call"), name="auction_one_call_at_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(status="cleared") | Q(price_ticks__isnull=False, volume_lots__gte=1),
                name="auction_cleared_has_a_price",
            ),
        ]
        indexes = [models.Index(fields=["instrument", "-closed_at"], name="auction_of_instrument")]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.kind} {self.closed_at}"


class AuctionInputs(models.Model):
    """Everything a clearing was worked out from, packed: the same bytes give the same trades."""

    auction = models.OneToOneField(Auction, on_delete=models.CASCADE, related_name="inputs", primary_key=True)
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "auction inputs"

    def __str__(self) -> str:
        return f"inputs of {self.auction_id}"


class Trade(models.Model):
    """One order's fill against the clearing house. What a buyer pays, what a seller receives.

    `gross_micro_usd` is lots x price; `justice_micro_usd` what need added (below zero: a subsidy);
    `adder_micro_usd` the carbon adder. A buyer's `money_micro_usd` is what was paid, a seller's what came in.
    """

    auction = models.ForeignKey(Auction, db_index=False, on_delete=models.PROTECT, related_name="trades")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="trades")
    # What follows is the order's, and checked there: a call writes a hundred thousand rows in one transaction.
    instrument = models.ForeignKey(
        Instrument, db_constraint=False, db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    team = models.ForeignKey(
        "accounts.Team", db_constraint=False, db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    budget = models.ForeignKey(
        "budgets.Budget", db_constraint=False, db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    side = models.CharField(max_length=4, choices=Order.Side)
    lots = models.PositiveBigIntegerField()
    price_ticks = models.PositiveBigIntegerField()
    gross_micro_usd = models.BigIntegerField()
    justice_micro_usd = models.BigIntegerField(default=0)
    adder_micro_usd = models.BigIntegerField(default=0)
    money_micro_usd = models.BigIntegerField()
    at = models.DateTimeField()
    is_reversed = models.BooleanField(default=False)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["auction", "order"], name="trade_once_per_order"),
            models.CheckConstraint(condition=Q(lots__gte=1), name="trade_has_lots"),
            models.CheckConstraint(condition=Q(money_micro_usd__gte=0), name="trade_money_not_negative"),
        ]
        indexes = [
            models.Index(fields=["team", "-id"], name="trade_of_team"),
            models.Index(fields=["instrument", "-at"], name="trade_of_instrument"),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.lots} at {self.price_ticks}"
