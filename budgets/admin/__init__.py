"""The administration of budgets and thresholds."""

from budgets.admin import budget, holds, learning, ledger, records, thresholds  # noqa: F401 - registers the pages
