"""What goes out of the doors of budgets, holds and the ledger. Amounts are in the unit that stands beside them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from budgets.api.bodies import CLASSES, GEARS, LEVELS, PERIODS, UNITS
from budgets.api.fields import AmountField
from budgets.domain.exhaustion import Outlook
from budgets.domain.gears import Gear
from budgets.domain.states import BudgetState
from budgets.domain.units import from_steps
from budgets.selectors import get_gear, list_exhaustion, list_sellable
from budgets.selectors.status import get_utilisation_terms

STATUSES = ["ok", "warn", "critical", "emergency"]
HOLD_STATUSES = ["reserved", "dispatched", "settled", "released", "expired"]
LEDGER_KINDS = ["allot", "hold", "settle", "correct", "release", "expire", "escrow", "period"]
LEDGER_KINDS += ["reset", "rebalance", "overflow", "bonus", "trade", "adjust", "deallocate"]
ADJUSTMENT_STATUSES = ["proposed", "applied", "rejected"]
UTILISATIONS = ["low", "moderate", "high", "critical"]
OUTLOOKS = [outlook.value for outlook in Outlook]
GEARS_USED = [gear.value for gear in Gear]


class BudgetOut(serializers.Serializer):  # type: ignore[type-arg]
    """A budget; amounts in its unit."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    level = serializers.ChoiceField(choices=LEVELS)
    parent = serializers.UUIDField(source="parent_id", allow_null=True)  # type: ignore[assignment]
    unit = serializers.ChoiceField(choices=UNITS)
    model_class = serializers.ChoiceField(choices=CLASSES, allow_blank=True, help_text="Empty: work of every class.")
    period = serializers.ChoiceField(choices=PERIODS)
    window_hours = serializers.IntegerField(allow_null=True)
    period_starts_at = serializers.DateTimeField()
    resets_at = serializers.DateTimeField(source="period_ends_at", allow_null=True)
    limit = AmountField()
    spent = AmountField()
    reserved = AmountField()
    tradeable = AmountField()
    sold = AmountField(help_text="Part of the base that was sold or lent away for this period.")
    overdraft = AmountField()
    available = AmountField()
    used_percent = serializers.FloatField()
    status = serializers.ChoiceField(choices=STATUSES)
    thresholds_crossed = serializers.ListField(child=serializers.IntegerField(), source="crossed")
    is_default = serializers.BooleanField()


class LimitPartsOut(serializers.Serializer):  # type: ignore[type-arg]
    """What a limit is made of: it is their sum, less what was sold."""

    base = AmountField(source="base_limit")
    carried = AmountField()
    pooled = AmountField()
    bonus = AmountField()
    sold = AmountField()


class ExhaustionOut(serializers.Serializer):  # type: ignore[type-arg]
    """When a budget runs out. An 80 % band; `until` is how far the forecast looks."""

    outlook = serializers.ChoiceField(choices=OUTLOOKS)
    words = serializers.CharField()
    burn_per_hour = AmountField(allow_null=True)
    burn_low_per_hour = AmountField(allow_null=True)
    burn_high_per_hour = AmountField(allow_null=True)
    earliest_at = serializers.DateTimeField(allow_null=True)
    central_at = serializers.DateTimeField(allow_null=True)
    latest_at = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField()
    hours_used = serializers.IntegerField()
    basis = serializers.CharField()
    as_of = serializers.DateTimeField()


class BudgetDetailOut(BudgetOut):
    """A budget with its settings, what its limit is made of, and when it runs out."""

    limit_parts = LimitPartsOut(source="*")
    utilisation = serializers.SerializerMethodField()
    pool = AmountField()
    pool_drawn = AmountField()
    floor = AmountField()
    warning_amounts = serializers.ListField(child=AmountField())
    rollover_percent = serializers.IntegerField()
    rollover_cap_percent = serializers.IntegerField()
    overflow_percent = serializers.IntegerField()
    tradeable_percent = serializers.IntegerField()
    needs_two = serializers.BooleanField()
    gear = serializers.ChoiceField(choices=GEARS, source="gear_choice")
    gear_in_use = serializers.SerializerMethodField()
    sellable = serializers.SerializerMethodField(help_text="What it could offer on the market now.")
    exhaustion = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=UTILISATIONS))
    def get_utilisation(self, state: BudgetState) -> str:
        """The word in force for how busy it is."""
        return get_utilisation_terms().name_of(state.used_percent)

    @extend_schema_field(serializers.ChoiceField(choices=GEARS_USED, allow_null=True))
    def get_gear_in_use(self, state: BudgetState) -> str | None:
        """How its latest hold was admitted; null before the first."""
        return get_gear(state.id).latest

    @extend_schema_field(AmountField(allow_null=True))
    def get_sellable(self, state: BudgetState) -> Any:
        """Within the rules and free on its whole path; null of a budget that has ended."""
        found = list_sellable([state.id], now=self.context["now"]).get(state.id)
        return AmountField().to_representation(from_steps(state.unit, found.steps)) if found else None

    @extend_schema_field(ExhaustionOut(allow_null=True))
    def get_exhaustion(self, state: BudgetState) -> Any:
        """The forecast; null of a budget that has ended."""
        found = list_exhaustion([state.id], now=self.context["now"])
        return ExhaustionOut(found[0]).data if found else None


class BalanceOut(serializers.Serializer):  # type: ignore[type-arg]
    """What is left, in few bytes."""

    id = serializers.UUIDField()
    unit = serializers.ChoiceField(choices=UNITS)
    limit = AmountField()
    spent = AmountField()
    reserved = AmountField()
    available = AmountField()
    used_percent = serializers.FloatField()
    status = serializers.ChoiceField(choices=STATUSES)
    resets_at = serializers.DateTimeField(source="period_ends_at", allow_null=True)


class TreeOut(BudgetOut):
    """A budget and those below it that the caller may see."""

    children = serializers.SerializerMethodField()

    @extend_schema_field({"type": "array", "items": {"$ref": "#/components/schemas/Tree"}})
    def get_children(self, state: Any) -> list[Any]:
        """The next level, each with its own."""
        below = [each for each in self.context["states"] if each.parent_id == state.id]
        return [dict(TreeOut(each, context=self.context).data) for each in below]


class LedgerLineOut(serializers.Serializer):  # type: ignore[type-arg]
    """A ledger entry; amounts in the budget's unit."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    budget = serializers.UUIDField(source="budget_id")
    unit = serializers.ChoiceField(choices=UNITS)
    kind = serializers.ChoiceField(choices=LEDGER_KINDS)
    actor = serializers.CharField()
    reason = serializers.CharField()
    hold = serializers.UUIDField(source="hold_id", allow_null=True)
    limit_delta = AmountField()
    spent_delta = AmountField()
    reserved_delta = AmountField()
    overdraft_delta = AmountField()
    tradeable_delta = AmountField()


class HoldLineOut(serializers.Serializer):  # type: ignore[type-arg]
    """What a hold takes from one budget of its path, in that budget's unit."""

    budget = serializers.UUIDField(source="budget_id")
    unit = serializers.ChoiceField(choices=UNITS)
    reserved = AmountField()
    settled = AmountField(allow_null=True)


class BudgetHoldOut(serializers.Serializer):  # type: ignore[type-arg]
    """A hold. `fence` is the number to show with the next change of it."""

    id = serializers.UUIDField()
    budget = serializers.UUIDField(source="budget_id")
    status = serializers.ChoiceField(choices=HOLD_STATUSES)
    gear = serializers.ChoiceField(choices=GEARS_USED)
    fence = serializers.IntegerField()
    reference = serializers.CharField()
    actor = serializers.CharField()
    tokens = serializers.IntegerField(source="held.tokens")
    carbon_g = AmountField(source="held_g")
    usd = serializers.CharField(source="held_usd")
    energy_wh = AmountField(source="held_wh")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(source="lease_expires_at")
    dispatched_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    is_unverified = serializers.BooleanField()
    corrected_at = serializers.DateTimeField(allow_null=True)


class HoldDetailOut(BudgetHoldOut):
    """A hold with what it takes from each budget of its path. One in escrow has one line: a block covers the rest."""

    lines = HoldLineOut(many=True)
