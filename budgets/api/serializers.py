"""What comes in and goes out; every refusal names its field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from budgets.domain.periods import Period
from budgets.domain.refusals import plain_number
from budgets.domain.units import Unit
from config.kernel.rest import StrictSerializer


@extend_schema_field({"type": "number"})
class AmountField(serializers.Field):  # type: ignore[type-arg]
    """A JSON number in the budget's unit; exact on the way in, plain on the way out."""

    default_error_messages = {"invalid": "Send a number.", "large": "This number is too large."}

    def to_internal_value(self, data: Any) -> Decimal:
        """Accept integers and floats (by their shortest decimal form), nothing that merely looks like one."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        amount = Decimal(str(data))
        if not amount.is_finite():
            self.fail("invalid")
        if abs(amount) > Decimal(10) ** 18:
            self.fail("large")
        return amount

    def to_representation(self, value: Decimal) -> int | float:
        """An integer where it is one."""
        return plain_number(value)


class BudgetIn(StrictSerializer):
    """Body of `POST /api/v1/budgets/`."""

    name = serializers.CharField(max_length=120)
    parent = serializers.UUIDField(required=False, allow_null=True, default=None)  # type: ignore[assignment]
    unit = serializers.ChoiceField(choices=[unit.value for unit in Unit])
    limit = AmountField()
    period = serializers.ChoiceField(choices=[period.value for period in Period], default=Period.ONE_OFF.value)


class AllotIn(StrictSerializer):
    """Body of `POST /api/v1/budgets/{id}/allot/`."""

    limit = AmountField()
    reason = serializers.CharField(max_length=300, required=False, default="")


class BudgetOut(serializers.Serializer):  # type: ignore[type-arg]
    """A budget; amounts in its unit."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    parent = serializers.UUIDField(source="parent_id", allow_null=True)  # type: ignore[assignment]
    unit = serializers.CharField()
    period = serializers.CharField()
    period_starts_at = serializers.DateTimeField()
    resets_at = serializers.DateTimeField(source="period_ends_at", allow_null=True)
    limit = AmountField()
    spent = AmountField()
    reserved = AmountField()
    tradeable = AmountField()
    overdraft = AmountField()
    available = AmountField()
    used_percent = serializers.FloatField()
    status = serializers.ChoiceField(choices=["ok", "warn", "critical", "emergency"])
    thresholds_crossed = serializers.ListField(child=serializers.IntegerField(), source="crossed")
    is_default = serializers.BooleanField()


class LedgerLineOut(serializers.Serializer):  # type: ignore[type-arg]
    """A ledger entry; amounts in the budget's unit."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    actor = serializers.CharField()
    reason = serializers.CharField()
    hold = serializers.UUIDField(source="hold_id", allow_null=True)
    limit_delta = AmountField()
    spent_delta = AmountField()
    reserved_delta = AmountField()
    overdraft_delta = AmountField()


class StatusOut(serializers.Serializer):  # type: ignore[type-arg]
    """The global picture: each unit summed over the roots of the caller's trees, and what needs attention."""

    open_holds = serializers.IntegerField()
    roots = serializers.DictField(child=serializers.DictField())
    attention = BudgetOut(many=True)
