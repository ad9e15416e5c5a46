"""A node of the budget tree."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from budgets.domain.gears import GearChoice
from budgets.domain.levels import Level
from budgets.domain.periods import Period
from budgets.domain.units import Unit

COUNTERS = ["spent", "reserved", "overdraft", "tradeable", "carried", "pooled", "bonus", "sold", "pool_drawn"]
"""Columns that work moves all the time: the ledger explains them, the history leaves them out."""


def _percent(default: int, help_text: str) -> models.PositiveSmallIntegerField[int, int]:
    return models.PositiveSmallIntegerField(default=default, help_text=help_text)


class Budget(models.Model):
    """A node of the tree organisation > team > session > agent, in one unit, for one period.

    `limit` is what may be spent in this period. It is made of the base that somebody allotted less what
    of it was sold, of what was carried over, drawn from the parent's pool and earned or bought as a
    bonus (`base_limit`).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    level = models.CharField(max_length=12, choices=[(each.value, each.value) for each in Level], default=Level.TEAM)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    team = models.ForeignKey("accounts.Team", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    depth = models.PositiveSmallIntegerField(default=0, editable=False)
    path_ids = models.JSONField(default=list, editable=False, help_text="This budget and its ancestors, leaf first.")
    unit = models.CharField(max_length=9, choices=[(unit.value, unit.value) for unit in Unit])
    period = models.CharField(
        max_length=7, choices=[(period.value, period.value) for period in Period], default=Period.ONE_OFF
    )
    window_hours = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How long spending counts in a rolling period."
    )
    period_starts_at = models.DateTimeField()
    period_ends_at = models.DateTimeField(
        null=True, blank=True, help_text="In a rolling period: when the oldest spending stops counting."
    )

    limit = models.BigIntegerField()
    spent = models.BigIntegerField(default=0, editable=False)
    reserved = models.BigIntegerField(default=0, editable=False)
    overdraft = models.BigIntegerField(
        default=0, editable=False, help_text="Work that used more than was held and did not fit any more."
    )
    tradeable = models.BigIntegerField(default=0, editable=False, help_text="Part of the limit that may be sold.")
    carried = models.BigIntegerField(default=0, editable=False, help_text="Part of the limit from the last period.")
    pooled = models.BigIntegerField(default=0, editable=False, help_text="Part of the limit from the parent's pool.")
    bonus = models.BigIntegerField(
        default=0, editable=False, help_text="Part of the limit earned by efficiency, or bought."
    )
    sold = models.BigIntegerField(
        default=0, editable=False, help_text="Part of the base that was sold or lent away for this period."
    )
    pool = models.BigIntegerField(
        default=0, help_text="How much of it the budgets below may draw beyond their own limits, in a period."
    )
    pool_drawn = models.BigIntegerField(default=0, editable=False, help_text="How much of the pool they have drawn.")
    floor = models.BigIntegerField(default=0, help_text="Rebalancing never takes the base below this.")
    warning_amounts = models.JSONField(default=list, blank=True, help_text="Amounts at which it warns, in steps.")

    rollover_percent = _percent(0, "How much of what is not spent goes on into the next period.")
    rollover_cap_percent = _percent(100, "At most this share of the base is carried over.")
    tradeable_percent = _percent(50, "How much of its base may be sold or lent away in a period.")
    model_class = models.CharField(
        max_length=3, blank=True, help_text="Pays for work of this model class only; empty: of any."
    )
    overflow_percent = _percent(0, "How far above its base it may draw on the parent's pool.")
    gear = models.CharField(
        max_length=7,
        choices=[(each.value, each.value) for each in GearChoice],
        default=GearChoice.AUTO,
        help_text="How reservations are admitted: chosen by measured contention unless pinned. The answer is the same.",
    )
    needs_two = models.BooleanField(
        default=False, help_text="Changes of its limit and corrections wait for a second person."
    )
    is_default = models.BooleanField(default=False, help_text="Pays when a request of the team names no budget.")
    created_at = models.DateTimeField()
    deallocated_at = models.DateTimeField(null=True, blank=True, editable=False)
    history = HistoricalRecords(excluded_fields=COUNTERS)

    class Meta:
        ordering = ["depth", "name"]
        constraints = [
            models.CheckConstraint(condition=Q(reserved__gte=0), name="budget_reserved_not_negative"),
            models.CheckConstraint(condition=Q(spent__gte=0), name="budget_spent_not_negative"),
            models.CheckConstraint(condition=Q(overdraft__gte=0), name="budget_overdraft_not_negative"),
            models.CheckConstraint(condition=Q(tradeable__gte=0), name="budget_tradeable_not_negative"),
            models.CheckConstraint(condition=Q(limit__gte=F("spent") + F("reserved")), name="budget_never_overspent"),
            models.CheckConstraint(
                condition=Q(carried__gte=0, pooled__gte=0, bonus__gte=0, sold__gte=0, floor__gte=0, pool_drawn__gte=0),
                name="budget_parts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(limit__gte=F("carried") + F("pooled") + F("bonus") - F("sold")),
                name="budget_parts_within_limit",
            ),
            models.CheckConstraint(condition=Q(pool__gte=F("pool_drawn")), name="budget_pool_not_overdrawn"),
            models.CheckConstraint(
                condition=Q(
                    rollover_percent__lte=100,
                    rollover_cap_percent__lte=1000,
                    overflow_percent__lte=1000,
                    tradeable_percent__lte=100,
                ),
                name="budget_percentages_in_range",
            ),
            models.CheckConstraint(
                condition=Q(period="rolling", window_hours__gte=1, window_hours__lte=31 * 24)
                | (~Q(period="rolling") & Q(window_hours=None)),
                name="budget_rolling_has_a_window",
            ),
            models.UniqueConstraint(
                fields=["team"],
                condition=Q(is_default=True, deallocated_at__isnull=True),
                name="budget_one_default_per_team",
            ),
        ]
        indexes = [models.Index(fields=["team"], name="budget_team")]

    def __str__(self) -> str:
        return f"{self.name} ({self.unit})"

    @property
    def base_limit(self) -> int:
        """What was allotted for a period: not what was carried over, drawn, earned or bought, but what was sold."""
        return self.limit - self.carried - self.pooled - self.bonus + self.sold
