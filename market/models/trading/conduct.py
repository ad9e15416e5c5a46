"""How teams behave: standing rules, scores, what auditors look at, charges and appeals."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from market.models.trading.instruments import Instrument
from market.models.trading.money import Journal


class StandingRule(models.Model):
    """What a budget's owner lets the worker trade on its own, within limits by day."""

    class Kind(models.TextChoices):
        SELL_UNUSED = "sell_unused", "sell what will not be used by an hour of the day"
        BUY_BEFORE_EMPTY = "buy_before_empty", "buy when it is forecast to run out"

    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    budget = models.ForeignKey("budgets.Budget", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=Kind)
    by_hour_utc = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Sell what is forecast to be left at this hour, 0 to 23 UTC."
    )
    limit_nano_usd_per_unit = models.BigIntegerField(help_text="Worst price for one token, gram or Wh, in 1e-9 US$.")
    most_steps_per_day = models.BigIntegerField(help_text="In steps of the budget's unit.")
    most_micro_usd_per_day = models.BigIntegerField(null=True, blank=True, help_text="Of a buyer.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=120)
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_outcome = models.CharField(max_length=300, blank=True)
    history = HistoricalRecords(excluded_fields=["last_run_at", "last_outcome"])

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(limit_nano_usd_per_unit__gte=1, most_steps_per_day__gte=1), name="rule_has_limits"
            ),
            models.CheckConstraint(
                condition=Q(kind="sell_unused", by_hour_utc__gte=0, by_hour_utc__lte=23)
                | Q(kind="buy_before_empty", most_micro_usd_per_day__gte=1),
                name="rule_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.budget_id}"


class ReputationScore(models.Model):
    """A team's score of a day, with what it is made of. Append-only."""

    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    score = models.FloatField(null=True, blank=True, help_text="0..1; empty: nothing is known.")
    parts = models.JSONField(help_text="Each component with its value, weight and count.")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["team", "day"], name="reputation_once_a_day")]

    def __str__(self) -> str:
        return f"{self.team_id} {self.day}: {self.score}"


class ConductFlag(models.Model):
    """A pattern that somebody should look at. What it cost is a journal entry; a lifted flag gives it back."""

    class Kind(models.TextChoices):
        WASH = "wash", "bought from itself"
        SPOOF = "spoof", "orders that were never meant to trade"
        HOARDING = "hoarding", "long idle while others were refused"

    class Status(models.TextChoices):
        OPEN = "open"
        UPHELD = "upheld"
        LIFTED = "lifted"

    key = models.CharField(max_length=200, unique=True, help_text="What it is about: the same is noticed once.")
    kind = models.CharField(max_length=8, choices=Kind)
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="+")
    budget = models.ForeignKey("budgets.Budget", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    instrument = models.ForeignKey(Instrument, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField()
    evidence = models.JSONField(help_text="Figures and ids that show the pattern.")
    status = models.CharField(max_length=6, choices=Status, default=Status.OPEN)
    charge = models.OneToOneField(Journal, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    charge_micro_usd = models.BigIntegerField(default=0)
    noticed_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=120, blank=True)
    decision_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-noticed_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", decided_at=None) | (~Q(status="open") & Q(decided_at__isnull=False)),
                name="flag_decided_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.team_id} {self.since}"


class Appeal(models.Model):
    """A team's word against a flag; a person decides in the administration."""

    class Status(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        REJECTED = "rejected"

    flag = models.ForeignKey(ConductFlag, on_delete=models.CASCADE, related_name="appeals")
    text = models.CharField(max_length=2000)
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    status = models.CharField(max_length=8, choices=Status, default=Status.OPEN)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=120, blank=True)
    decision_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(fields=["flag"], condition=Q(status="open"), name="appeal_one_open_per_flag")
        ]

    def __str__(self) -> str:
        return f"{self.flag_id} {self.status}"
