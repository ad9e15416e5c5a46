"""What goes out of the doors that change limits. Amounts are in the unit that stands beside them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from budgets.api.answers import ADJUSTMENT_STATUSES, BudgetDetailOut
from budgets.api.bodies import ADJUSTMENT_KINDS, UNITS
from budgets.api.fields import AmountField
from budgets.domain.refusals import plain_number


class RebalancedOut(serializers.Serializer):  # type: ignore[type-arg]
    """What rebalancing does to one budget: its base before and after, and what it used of late."""

    budget = serializers.UUIDField(source="budget_id")
    name = serializers.CharField()
    unit = serializers.ChoiceField(choices=UNITS)
    before = AmountField()
    after = AmountField()
    used = AmountField()


class RebalanceOut(serializers.Serializer):  # type: ignore[type-arg]
    """All children of a budget."""

    trial = serializers.BooleanField()
    lines = RebalancedOut(many=True)


class AdjustmentOut(serializers.Serializer):  # type: ignore[type-arg]
    """A change by hand: proposed, applied or rejected, by whom and why."""

    id = serializers.IntegerField()
    budget = serializers.UUIDField(source="budget_id")
    kind = serializers.ChoiceField(choices=ADJUSTMENT_KINDS)
    unit = serializers.ChoiceField(choices=UNITS)
    amount = AmountField(allow_null=True)
    reason = serializers.CharField()
    status = serializers.ChoiceField(choices=ADJUSTMENT_STATUSES)
    needs_two = serializers.BooleanField(source="needed_two")
    proposed_by = serializers.CharField()
    proposed_at = serializers.DateTimeField()
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decision_reason = serializers.CharField()
    is_other_person = serializers.BooleanField(
        allow_null=True, help_text="Whether another person decided; null where that is not known."
    )


class TransferOut(serializers.Serializer):  # type: ignore[type-arg]
    """Both budgets after a transfer."""

    to = BudgetDetailOut()

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language, and no name of an attribute."""
        return {"from": BudgetDetailOut(), **super().get_fields()}


class TemplateOut(serializers.Serializer):  # type: ignore[type-arg]
    """A shape of a tree; `nodes` are `{name, limit, level, children, ...}`, amounts in the unit."""

    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    unit = serializers.ChoiceField(choices=UNITS)
    total = AmountField()
    nodes = serializers.SerializerMethodField()
    rationale = serializers.CharField()

    def get_nodes(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """Plain JSON values."""
        return [_plain(each) for each in row["nodes"]]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return plain_number(value) if isinstance(value, Decimal) else value
