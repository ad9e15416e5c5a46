"""The market's money, in double entry: whatever one account gets, others give."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from market.models.trading.auctions import Auction

HOUSE = "house"
FUND = "fund"
OUTSIDE = "outside"


def team_account(team_id: int) -> str:
    """The name of a team's account."""
    return f"team-{team_id}"


class Account(models.Model):
    """Money of a team or of the clearing house, or one of the two ends of the market's world.

    The sum of all balances is zero. `outside` is what came from and went to budgets and deposits (below
    zero by as much as is in the market), `fund` what the market brought the Access Fund so far, whose
    own books (`FundEntry`) hold the same moves.
    """

    class Kind(models.TextChoices):
        TEAM = "team"
        HOUSE = "house", "clearing house"
        FUND = "fund"
        OUTSIDE = "outside"

    name = models.SlugField(primary_key=True, max_length=40)
    kind = models.CharField(max_length=7, choices=Kind)
    team = models.OneToOneField("accounts.Team", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    balance_micro_usd = models.BigIntegerField(default=0)
    reserved_micro_usd = models.BigIntegerField(default=0, help_text="In escrow for orders and loans.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(reserved_micro_usd__gte=0), name="account_reserved_not_negative"),
            models.CheckConstraint(
                condition=Q(kind__in=["fund", "outside"]) | Q(balance_micro_usd__gte=F("reserved_micro_usd")),
                name="account_never_overdrawn",
            ),
            models.CheckConstraint(
                condition=Q(kind="team", team__isnull=False) | (~Q(kind="team") & Q(team=None)),
                name="account_of_a_team",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Journal(models.Model):
    """One event that moved money. Append-only; its postings sum to zero."""

    class Kind(models.TextChoices):
        DEPOSIT = "deposit"
        PAYOUT = "payout"
        ESCROW = "escrow", "put into or taken out of escrow"
        TRADE = "trade"
        LOAN = "loan"
        CHARGE = "charge"
        REWARD = "reward"
        REVERSAL = "reversal"

    kind = models.CharField(max_length=8, choices=Kind)
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    reason = models.CharField(max_length=300)
    auction = models.ForeignKey(Auction, null=True, blank=True, on_delete=models.PROTECT, related_name="journals")
    reference = models.CharField(max_length=120, blank=True, help_text="For example order:<id> or loan:<id>.")
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["reference"], name="journal_reference")]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class Posting(models.Model):
    """What one event did to one account. Append-only; the sum of an account's postings is its state."""

    # No check by the database: `post` has just written the journal and locked the accounts, and none is ever deleted.
    journal = models.ForeignKey(Journal, db_constraint=False, on_delete=models.PROTECT, related_name="postings")
    account = models.ForeignKey(
        Account, db_constraint=False, db_index=False, on_delete=models.PROTECT, related_name="postings"
    )
    delta_micro_usd = models.BigIntegerField(default=0)
    reserved_delta_micro_usd = models.BigIntegerField(default=0)
    order_number = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["account", "-id"], name="posting_of_account")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.delta_micro_usd}"
