"""Quota lent until a date, quota promised for a later period, and quota shared inside a team."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from market.models.trading.instruments import Instrument
from market.models.trading.orders import Order


class Loan(models.Model):
    """One contract with two legs: quota now, the same quota and a fee at `due_at`.

    While it is offered the lender's quota is in the hold `quota:loan:<id>`. While it runs, the
    borrower's account has `collateral_micro_usd` in escrow: the outstanding quantity at the collar's
    top, and the fee.
    """

    class Status(models.TextChoices):
        OFFERED = "offered"
        RUNNING = "running"
        RETURNED = "returned"
        BUYING_IN = "buying_in", "defaulted, being bought in"
        DEFAULTED = "defaulted", "settled from the collateral"
        BROKEN = "broken", "ended by an emergency"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="loans")
    lender_team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    lender_budget = models.ForeignKey("budgets.Budget", on_delete=models.PROTECT, related_name="+")
    borrower_team = models.ForeignKey(
        "accounts.Team", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    borrower_budget = models.ForeignKey(
        "budgets.Budget", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    status = models.CharField(max_length=9, choices=Status, default=Status.OFFERED)
    lots = models.PositiveBigIntegerField()
    outstanding_lots = models.PositiveBigIntegerField(default=0)
    fee_micro_usd = models.BigIntegerField(help_text="For all of it until the due date; less by early returns.")
    fee_paid_micro_usd = models.BigIntegerField(default=0)
    break_fee_percent = models.PositiveSmallIntegerField(help_text="Of the value broken off: what a lender pays.")
    top_ticks = models.PositiveBigIntegerField(default=0, help_text="Top of the collar when it was lent.")
    collateral_micro_usd = models.BigIntegerField(default=0)
    due_at = models.DateTimeField()
    offered_at = models.DateTimeField()
    lent_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    actor = models.CharField(max_length=120)

    class Meta:
        ordering = ["-offered_at"]
        constraints = [
            models.CheckConstraint(condition=Q(lots__gte=1), name="loan_has_lots"),
            models.CheckConstraint(condition=Q(outstanding_lots__lte=F("lots")), name="loan_not_more_than_lent"),
            models.CheckConstraint(
                condition=Q(fee_micro_usd__gte=0, fee_paid_micro_usd__gte=0, collateral_micro_usd__gte=0),
                name="loan_money_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["offered", "running", "buying_in"], closed_at=None)
                | (
                    ~Q(status__in=["offered", "running", "buying_in"])
                    & Q(closed_at__isnull=False, outstanding_lots=0, collateral_micro_usd=0)
                ),
                name="loan_closed_owes_nothing",
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(status="running"), name="loan_due")]

    def __str__(self) -> str:
        return f"{self.lots} {self.instrument_id} until {self.due_at}"


class LoanEvent(models.Model):
    """What became of a loan. Append-only."""

    class Kind(models.TextChoices):
        OFFERED = "offered"
        LENT = "lent"
        RETURNED = "returned"
        DEFAULTED = "defaulted"
        BOUGHT_IN = "bought_in"
        PAID_OUT = "paid_out", "paid in money"
        BROKEN = "broken"
        CANCELLED = "cancelled"

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=9, choices=Kind)
    lots = models.BigIntegerField(default=0)
    micro_usd = models.BigIntegerField(default=0)
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.loan_id} {self.kind}"


class ForwardLeg(models.Model):
    """Quota of a later period that a budget owes to the clearing house, or the clearing house to it.

    A giver's promise is bounded by `QuotaPromise` and backed by money in escrow; it is delivered when
    the period has begun, and what is missing is bought in or paid from the collateral.
    """

    class Side(models.TextChoices):
        GIVES = "gives"
        TAKES = "takes"

    class Status(models.TextChoices):
        DUE = "due"
        BUYING_IN = "buying_in"
        DELIVERED = "delivered"
        PAID_OUT = "paid_out", "partly or wholly paid in money"
        REVERSED = "reversed"

    trade = models.OneToOneField("Trade", on_delete=models.PROTECT, related_name="forward")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="forwards")
    side = models.CharField(max_length=5, choices=Side)
    status = models.CharField(max_length=9, choices=Status, default=Status.DUE)
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    budget = models.ForeignKey("budgets.Budget", on_delete=models.PROTECT, related_name="+")
    lots = models.PositiveBigIntegerField()
    delivered_lots = models.PositiveBigIntegerField(default=0)
    paid_out_lots = models.PositiveBigIntegerField(default=0)
    collateral_micro_usd = models.BigIntegerField(default=0)
    due_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["due_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(lots__gte=F("delivered_lots") + F("paid_out_lots")), name="forward_not_overdelivered"
            ),
            models.CheckConstraint(condition=Q(collateral_micro_usd__gte=0), name="forward_collateral_not_negative"),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(closed_at=None), name="forward_due")]

    def __str__(self) -> str:
        return f"{self.budget_id} {self.side} {self.lots} {self.instrument_id}"


class BuyIn(models.Model):
    """Quota that is missing at the end of a loan or forward, bought by the clearing house from the collateral.

    `order` is the order that buys now, in the team's name who owes and for the budget that is owed; when
    a period ends before all is bought, another order of the next one takes its place. After
    `buy_in_calls` calls of the policy, what is still missing is paid in money at `top_ticks`.
    """

    loan = models.OneToOneField(Loan, null=True, blank=True, on_delete=models.PROTECT, related_name="buy_in")
    gives = models.ForeignKey(
        ForwardLeg, null=True, blank=True, on_delete=models.PROTECT, related_name="buy_ins_for_it"
    )
    takes = models.ForeignKey(ForwardLeg, null=True, blank=True, on_delete=models.PROTECT, related_name="buy_ins_to_it")
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="buy_in")
    lots = models.PositiveBigIntegerField()
    bought_lots = models.PositiveBigIntegerField(default=0)
    paid_out_lots = models.PositiveBigIntegerField(default=0)
    top_ticks = models.PositiveBigIntegerField(help_text="What a lot that cannot be bought is paid at.")
    calls = models.PositiveSmallIntegerField(default=0, help_text="Calls in which it could not all be bought.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(loan__isnull=False, gives=None, takes=None)
                | Q(loan=None, gives__isnull=False, takes__isnull=False),
                name="buy_in_for_a_loan_or_a_forward",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, lots__gte=F("bought_lots") + F("paid_out_lots"))
                | Q(closed_at__isnull=False, lots=F("bought_lots") + F("paid_out_lots")),
                name="buy_in_closed_owes_nothing",
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(closed_at=None), name="buy_in_open")]

    def __str__(self) -> str:
        return f"{self.bought_lots} of {self.lots} for {self.loan_id or self.takes_id}"


class QuotaPromise(models.Model):
    """How much of a budget's later period is promised by offers and forwards, never more than the policy allows."""

    budget = models.ForeignKey("budgets.Budget", on_delete=models.PROTECT, related_name="+")
    period_starts_at = models.DateTimeField()
    promised_steps = models.BigIntegerField(default=0)
    most_steps = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["budget", "period_starts_at"], name="quota_promise_unique"),
            models.CheckConstraint(condition=Q(promised_steps__gte=0), name="quota_promise_not_negative"),
            models.CheckConstraint(
                condition=Q(most_steps__gte=F("promised_steps")), name="quota_promise_within_bounds"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.budget_id} {self.period_starts_at}: {self.promised_steps}"


class ShareAccount(models.Model):
    """Credits of a budget for what it donated to its team, less what it drew. A team's credits sum to zero."""

    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    budget = models.OneToOneField("budgets.Budget", on_delete=models.PROTECT, related_name="+", primary_key=True)
    credit_steps = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.budget_id}: {self.credit_steps}"


class Donation(models.Model):
    """Quota that a budget gave its team to draw from: in the hold `quota:share:<id>` until drawn or taken back.

    It is quota of the period in which it was donated, and ends with that.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        DRAWN = "drawn"
        WITHDRAWN = "withdrawn"
        EXPIRED = "expired", "its period is over"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    budget = models.ForeignKey("budgets.Budget", on_delete=models.PROTECT, related_name="+")
    steps = models.BigIntegerField()
    left_steps = models.BigIntegerField()
    status = models.CharField(max_length=9, choices=Status, default=Status.OPEN)
    at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: quota without an end.")
    closed_at = models.DateTimeField(null=True, blank=True)
    actor = models.CharField(max_length=120)

    class Meta:
        ordering = ["at"]
        constraints = [
            models.CheckConstraint(condition=Q(left_steps__gte=0, left_steps__lte=F("steps")), name="donation_within"),
        ]

    def __str__(self) -> str:
        return f"{self.budget_id}: {self.left_steps} of {self.steps}"


class ShareDraw(models.Model):
    """What a budget drew from one donation. Append-only."""

    donation = models.ForeignKey(Donation, on_delete=models.PROTECT, related_name="draws")
    budget = models.ForeignKey("budgets.Budget", on_delete=models.PROTECT, related_name="+")
    steps = models.BigIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.budget_id}: {self.steps}"
