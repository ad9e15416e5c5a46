"""The administration of budgets and thresholds."""

from budgets.admin import budget, records, thresholds  # noqa: F401 - registers the pages
