"""REST doors of budgets."""
