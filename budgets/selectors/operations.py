"""What single operations of an agent are expected to take."""

from __future__ import annotations

from budgets.models import Threshold

PREFIX = "operation-"


def find_operation_tokens(operation: str) -> int | None:
    """Tokens of one operation by the threshold in force; None if there is none of its name."""
    value = Threshold.objects.filter(name=f"{PREFIX}{operation}").values_list("value", flat=True).first()
    return None if value is None else int(value)


def list_operations() -> list[str]:
    """Names of the operations whose tokens are estimated."""
    names = Threshold.objects.filter(name__startswith=PREFIX).order_by("name").values_list("name", flat=True)
    return [name.removeprefix(PREFIX) for name in names]
