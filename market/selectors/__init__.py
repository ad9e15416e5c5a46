"""Reads of decisions, policies and the Fund. What other apps may call."""

from market.selectors.decisions import (
    get_decision_row,
    get_explanation,
    get_request_answer,
    get_request_detail,
    is_served_here,
    list_decisions,
    list_request_answers,
)
from market.selectors.fairness import get_fairness
from market.selectors.figures import get_headline, list_fund_differences, list_promised_tokens
from market.selectors.plan_differences import list_plan_differences
from market.selectors.policies import get_policy_in_force, list_purposes
from market.selectors.runs import get_plan_grid, get_plan_in_force, get_run, list_runs
from market.selectors.savings import get_run_savings, get_savings
from market.selectors.trading.accounts import get_account, list_accounts, list_postings
from market.selectors.trading.auctions import get_auction, list_auctions
from market.selectors.trading.books import list_books
from market.selectors.trading.conduct import get_flag, get_rule, list_flags, list_rules, list_units
from market.selectors.trading.differences import list_market_differences
from market.selectors.trading.fund_flows import get_fund_flows, list_fund_entries
from market.selectors.trading.halts import find_halt, get_halt, list_halts
from market.selectors.trading.instruments import list_instruments_now
from market.selectors.trading.loans import get_loan, list_forwards, list_loans
from market.selectors.trading.orders import get_order, list_orders
from market.selectors.trading.reputation import get_reputation, list_reputations
from market.selectors.trading.sharing import get_sharing
from market.selectors.trading.simulation import get_simulated_week
from market.selectors.trading.trades import list_public_trades, list_trades
from market.selectors.trading.values import list_prices

__all__ = [
    "find_halt",
    "get_account",
    "get_auction",
    "get_decision_row",
    "get_explanation",
    "get_fairness",
    "get_flag",
    "get_fund_flows",
    "get_halt",
    "get_headline",
    "get_loan",
    "get_order",
    "get_plan_grid",
    "get_plan_in_force",
    "get_policy_in_force",
    "get_reputation",
    "get_request_answer",
    "get_request_detail",
    "get_rule",
    "get_run",
    "get_run_savings",
    "get_savings",
    "get_sharing",
    "get_simulated_week",
    "is_served_here",
    "list_accounts",
    "list_auctions",
    "list_books",
    "list_decisions",
    "list_flags",
    "list_forwards",
    "list_fund_differences",
    "list_fund_entries",
    "list_halts",
    "list_instruments_now",
    "list_loans",
    "list_market_differences",
    "list_orders",
    "list_plan_differences",
    "list_postings",
    "list_prices",
    "list_promised_tokens",
    "list_public_trades",
    "list_purposes",
    "list_reputations",
    "list_request_answers",
    "list_rules",
    "list_runs",
    "list_trades",
    "list_units",
]
