"""Orders: sealed bids and offers, or rows of the open book."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from market.models.trading.instruments import Instrument


class Order(models.Model):
    """An offer to buy or sell lots. What it may cost is in escrow as long as it is open.

    A sell order's quota is in the hold `quota:order:<id>` of its budget, a buy order's money is
    reserved in the account of its team (`escrow_micro_usd`). `limit_ticks` is the worst price, None
    for a market order (as far as the collar). A buyer's `justice_ppm` is what need adds to the price
    (below zero: a subsidy) in parts per million, `weight_ppm` its share where lots run out, both as they
    looked when it came: a call works them out again. A seller's `adder_ticks` is the carbon adder of a lot.
    """

    class Side(models.TextChoices):
        BUY = "buy"
        SELL = "sell"

    class Kind(models.TextChoices):
        LIMIT = "limit"
        MARKET = "market"
        FILL_OR_KILL = "fill_or_kill"

    class Status(models.TextChoices):
        OPEN = "open"
        FILLED = "filled"
        CANCELLED = "cancelled"
        EXPIRED = "expired"

    class Source(models.TextChoices):
        TEAM = "team", "asked for by a team"
        RULE = "rule", "a standing rule"
        BUY_IN = "buy_in", "the clearing house, for a default"

    number = models.BigAutoField(primary_key=True, help_text="The sequence: who comes first among equals.")
    id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    # The indexes below begin with these: each more would be written again for every order that a call fills.
    instrument = models.ForeignKey(Instrument, db_index=False, on_delete=models.PROTECT, related_name="orders")
    team = models.ForeignKey("accounts.Team", db_index=False, on_delete=models.PROTECT, related_name="+")
    budget = models.ForeignKey("budgets.Budget", db_index=False, on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=4, choices=Side)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.LIMIT)
    source = models.CharField(max_length=6, choices=Source, default=Source.TEAM)
    status = models.CharField(max_length=9, choices=Status, default=Status.OPEN)
    lots = models.PositiveBigIntegerField()
    filled_lots = models.PositiveBigIntegerField(default=0)
    limit_ticks = models.PositiveBigIntegerField(null=True, blank=True)
    escrow_micro_usd = models.BigIntegerField(default=0, help_text="Of a buyer, still reserved.")

    origin_code = models.CharField(
        max_length=2, blank=True, help_text="Of a buyer: where the organisation is registered."
    )
    need_score = models.FloatField(null=True, blank=True)
    justice_ppm = models.IntegerField(default=0)
    weight_ppm = models.PositiveBigIntegerField(default=1_000_000, help_text="Share at the marginal price.")

    region = models.ForeignKey(
        "climate.Region", null=True, blank=True, db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    region_basis = models.CharField(max_length=10, blank=True, help_text="history, declared or unknown.")
    cfe_share = models.FloatField(null=True, blank=True)
    intensity_g_per_kwh = models.FloatField(null=True, blank=True)
    intensity_basis = models.CharField(max_length=20, blank=True)
    adder_ticks = models.PositiveBigIntegerField(default=0)
    covered_g = models.BigIntegerField(default=0, help_text="Covered by retired registry units, grams.")

    good_until = models.DateTimeField()
    placed_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.CharField(max_length=300, blank=True)
    actor = models.CharField(max_length=120)
    rule = models.ForeignKey("StandingRule", null=True, blank=True, on_delete=models.PROTECT, related_name="orders")

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(condition=Q(lots__gte=1), name="order_has_lots"),
            models.CheckConstraint(condition=Q(filled_lots__lte=F("lots")), name="order_not_overfilled"),
            models.CheckConstraint(condition=Q(escrow_micro_usd__gte=0), name="order_escrow_not_negative"),
            models.CheckConstraint(
                condition=Q(status="open", closed_at=None)
                | (~Q(status="open") & Q(closed_at__isnull=False, escrow_micro_usd=0)),
                name="order_closed_holds_nothing",
            ),
            models.CheckConstraint(condition=Q(kind="market") | Q(limit_ticks__gte=1), name="order_has_a_limit"),
        ]
        indexes = [
            models.Index(fields=["instrument", "side", "number"], condition=Q(status="open"), name="order_open"),
            models.Index(fields=["good_until"], condition=Q(status="open"), name="order_ends"),
            models.Index(fields=["team", "-number"], name="order_of_team"),
            models.Index(fields=["budget", "-number"], name="order_of_budget"),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.lots} {self.instrument_id}"


class OrderEvent(models.Model):
    """What became of an order, step by step. Append-only: what auditors look for patterns in."""

    class Kind(models.TextChoices):
        PLACED = "placed"
        IMPROVED = "improved"
        FILLED = "filled"
        CANCELLED = "cancelled"
        EXPIRED = "expired"
        CARRIED = "carried"

    # No check by the database: only orders that were just written have lines, and none is ever deleted.
    order = models.ForeignKey(Order, db_constraint=False, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=9, choices=Kind)
    lots = models.BigIntegerField(help_text="Placed, added, filled or taken back.")
    limit_ticks = models.PositiveBigIntegerField(null=True, blank=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.order_id} {self.kind}"
