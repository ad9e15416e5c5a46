"""The administration of budgets and thresholds."""

from budgets.admin import (  # noqa: F401 - registers the pages
    adjustments,
    budget,
    holds,
    learning,
    ledger,
    records,
    templates,
    thresholds,
)
