"""Changes to requests, policies and the Fund. What other apps may call."""

from market.services.drills import DrillReport, run_drill
from market.services.expected_work import count_arrivals
from market.services.fund import deposit_to_fund
from market.services.grant import Outcome
from market.services.inline.granting import grant_inline
from market.services.inline.moving import move_inline
from market.services.inline.settling import end_inline
from market.services.passes import PassResult, forget_old_plans, run_allocation_pass
from market.services.policies import activate_policy, create_policy_version
from market.services.reference import load_reference
from market.services.resolve import cancel, dispatch, release, settle
from market.services.submit import quote, submit
from market.services.sweep import expire_overdue
from market.services.take_up import take_up, take_up_due
from market.services.trading.calls import run_call, run_due_calls
from market.services.trading.changing import cancel_order, expire_orders, improve_order, strike_order
from market.services.trading.conduct import appeal_flag, decide_appeal, decide_flag
from market.services.trading.deposits import deposit, pay_out, top_up, withdraw
from market.services.trading.halts import end_due_halts, halt_trading, resume_trading
from market.services.trading.loans.deliveries import deliver_due_forwards
from market.services.trading.loans.due import run_due_loans
from market.services.trading.loans.lending import accept_loan
from market.services.trading.loans.offers import LoanAsk, cancel_loan, offer_loan
from market.services.trading.loans.returns import break_loan, return_loan
from market.services.trading.loans.sharing import ShareAsk, donate, draw_share, end_donations, withdraw_donation
from market.services.trading.orders import place_order
from market.services.trading.registry import import_units
from market.services.trading.replay import replay_auction
from market.services.trading.reputation import snapshot_reputation
from market.services.trading.reversal import reverse_auction
from market.services.trading.rule_runs import run_rules
from market.services.trading.rules import RuleAsk, change_rule, create_rule, pause_rule
from market.services.trading.watch import watch_conduct

__all__ = [
    "DrillReport",
    "LoanAsk",
    "Outcome",
    "PassResult",
    "RuleAsk",
    "ShareAsk",
    "accept_loan",
    "activate_policy",
    "appeal_flag",
    "break_loan",
    "cancel",
    "cancel_loan",
    "cancel_order",
    "change_rule",
    "count_arrivals",
    "create_policy_version",
    "create_rule",
    "decide_appeal",
    "decide_flag",
    "deliver_due_forwards",
    "deposit",
    "deposit_to_fund",
    "dispatch",
    "donate",
    "draw_share",
    "end_donations",
    "end_due_halts",
    "end_inline",
    "expire_orders",
    "expire_overdue",
    "forget_old_plans",
    "grant_inline",
    "halt_trading",
    "import_units",
    "improve_order",
    "load_reference",
    "move_inline",
    "offer_loan",
    "pause_rule",
    "pay_out",
    "place_order",
    "quote",
    "release",
    "replay_auction",
    "resume_trading",
    "return_loan",
    "reverse_auction",
    "run_allocation_pass",
    "run_call",
    "run_drill",
    "run_due_calls",
    "run_due_loans",
    "run_rules",
    "settle",
    "snapshot_reputation",
    "strike_order",
    "submit",
    "take_up",
    "take_up_due",
    "top_up",
    "watch_conduct",
    "withdraw",
    "withdraw_donation",
]
