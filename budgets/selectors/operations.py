"""What single operations of an agent are expected to take."""

from __future__ import annotations

from budgets.models import Threshold


def find_operation_tokens(operation: str) -> int | None:
    """Tokens of one operation by the threshold in force; None if there is none of its name."""
    value = Threshold.objects.filter(name=f"operation-{operation}").values_list("value", flat=True).first()
    return None if value is None else int(value)
