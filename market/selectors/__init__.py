"""Reads of decisions, policies and the Fund. What other apps may call."""

from market.selectors.decisions import (
    get_decision_row,
    get_explanation,
    get_request_answer,
    get_request_detail,
    list_decisions,
    list_request_answers,
)
from market.selectors.figures import get_headline, list_fund_differences, list_promised_tokens
from market.selectors.policies import get_policy_in_force, list_purposes

__all__ = [
    "get_decision_row",
    "get_explanation",
    "get_headline",
    "get_policy_in_force",
    "get_request_answer",
    "get_request_detail",
    "list_decisions",
    "list_fund_differences",
    "list_promised_tokens",
    "list_purposes",
    "list_request_answers",
]
