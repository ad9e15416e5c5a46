"""Changes to budgets. What other apps may call."""

from budgets.services.adjustments import decide_adjustment, propose_adjustment
from budgets.services.alerting import notify_team
from budgets.services.channels import (
    change_channel,
    create_channel,
    remove_channel,
    retry_delivery,
    rotate_secret,
    send_test,
)
from budgets.services.economy import record_value
from budgets.services.escrow import tend_all
from budgets.services.estimates import learn_estimates, record_outcome, record_outcomes
from budgets.services.forecasts import note_forecasts
from budgets.services.holds import (
    carve_hold,
    carve_holds,
    consume,
    dispatch_hold,
    end_holds,
    expire_hold,
    lock_holds,
    note_refusal,
    note_refusals,
    place_hold,
    place_hold_once,
    place_holds,
    release_hold,
    resize_hold,
    resize_holds,
    settle_hold,
    settle_unverified,
    shrink_hold,
    sweep_holds,
)
from budgets.services.overflow import draw_overflow
from budgets.services.periods import begin_due_periods
from budgets.services.proposals import decide_proposal, propose_changes, propose_everywhere
from budgets.services.quota import deliver_quota, escrow_quota, give_money, take_money
from budgets.services.rebalance import rebalance
from budgets.services.reference import load_reference
from budgets.services.reset import reset_budget
from budgets.services.swarms import allot_swarm, create_pool
from budgets.services.templates import make_tree, save_template
from budgets.services.tokens import OLDER_ENCODING, count_tokens, split_tokens, text_of_tokens
from budgets.services.transfers import transfer_quota
from budgets.services.tree import allot, configure_budget, create_budget, deallocate

__all__ = [
    "OLDER_ENCODING",
    "allot",
    "allot_swarm",
    "begin_due_periods",
    "carve_hold",
    "carve_holds",
    "change_channel",
    "configure_budget",
    "consume",
    "count_tokens",
    "create_budget",
    "create_channel",
    "create_pool",
    "deallocate",
    "decide_adjustment",
    "decide_proposal",
    "deliver_quota",
    "dispatch_hold",
    "draw_overflow",
    "end_holds",
    "escrow_quota",
    "expire_hold",
    "give_money",
    "learn_estimates",
    "load_reference",
    "lock_holds",
    "make_tree",
    "note_forecasts",
    "note_refusal",
    "note_refusals",
    "notify_team",
    "place_hold",
    "place_hold_once",
    "place_holds",
    "propose_adjustment",
    "propose_changes",
    "propose_everywhere",
    "rebalance",
    "record_outcome",
    "record_outcomes",
    "record_value",
    "release_hold",
    "remove_channel",
    "reset_budget",
    "resize_hold",
    "resize_holds",
    "retry_delivery",
    "rotate_secret",
    "save_template",
    "send_test",
    "settle_hold",
    "settle_unverified",
    "shrink_hold",
    "split_tokens",
    "sweep_holds",
    "take_money",
    "tend_all",
    "text_of_tokens",
    "transfer_quota",
]
