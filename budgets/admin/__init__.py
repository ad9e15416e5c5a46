"""The administration of budgets and thresholds."""

from budgets.admin import (  # noqa: F401 - registers the pages
    adjustments,
    alerts,
    budget,
    channels,
    holds,
    learning,
    ledger,
    templates,
    thresholds,
)
