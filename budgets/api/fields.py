"""Numbers as budgets take and give them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from budgets.domain.refusals import plain_number

LARGEST = 10**18


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
        if abs(amount) > LARGEST:
            self.fail("large")
        return amount

    def to_representation(self, value: Decimal) -> int | float:
        """An integer where it is one."""
        return plain_number(value)


class WholeField(serializers.IntegerField):
    """A JSON integer: no fraction, no text that looks like a number, no boolean."""

    def to_internal_value(self, data: Any) -> int:
        """The integer, or an error."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)
