"""The allocation pass, stage by stage: load, gather, budgets, fair, green, hand back, figures, store."""

from market.services.passes.passing import PassResult, run_allocation_pass

__all__ = ["PassResult", "run_allocation_pass"]
