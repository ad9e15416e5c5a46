"""Changes to budgets. What other apps may call."""

from budgets.services.channels import (
    change_channel,
    create_channel,
    remove_channel,
    retry_delivery,
    rotate_secret,
    send_test,
)
from budgets.services.economy import record_value
from budgets.services.estimates import learn_estimates, record_outcome
from budgets.services.holds import (
    expire_hold,
    note_refusal,
    place_hold,
    place_hold_once,
    release_hold,
    settle_hold,
)
from budgets.services.overflow import draw_overflow
from budgets.services.periods import begin_due_periods
from budgets.services.rebalance import rebalance
from budgets.services.reference import load_reference
from budgets.services.reset import reset_budget
from budgets.services.tokens import count_tokens
from budgets.services.transfers import transfer_quota
from budgets.services.tree import allot, configure_budget, create_budget, deallocate

__all__ = [
    "allot",
    "begin_due_periods",
    "change_channel",
    "configure_budget",
    "count_tokens",
    "create_budget",
    "create_channel",
    "deallocate",
    "draw_overflow",
    "expire_hold",
    "learn_estimates",
    "load_reference",
    "note_refusal",
    "place_hold",
    "place_hold_once",
    "rebalance",
    "record_outcome",
    "record_value",
    "release_hold",
    "remove_channel",
    "reset_budget",
    "retry_delivery",
    "rotate_secret",
    "send_test",
    "settle_hold",
    "transfer_quota",
]
