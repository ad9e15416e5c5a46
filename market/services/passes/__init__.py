"""The allocation pass, stage by stage: load, gather, budgets, fair, green, hand back, figures, store."""

from market.services.passes.passing import PassResult, run_allocation_pass
from market.services.passes.retention import forget_old_plans

__all__ = ["PassResult", "forget_old_plans", "run_allocation_pass"]
