"""Escrow: blocks that busy leaves hold at their ancestors, so that their requests touch the leaf alone."""

from budgets.services.escrow.recall import recall_under
from budgets.services.escrow.tending import tend, tend_all

__all__ = ["recall_under", "tend", "tend_all"]
