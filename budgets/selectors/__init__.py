"""Reads of budgets, holds and the ledger. What other apps may call."""

from budgets.selectors.adjustments import get_adjustment, list_adjustments
from budgets.selectors.advice import get_advice
from budgets.selectors.alerts import get_backlog, list_budget_alerts
from budgets.selectors.channels import get_channel, get_delivery, list_channels, list_deliveries
from budgets.selectors.differences import list_ledger_differences
from budgets.selectors.economy import EconomicLine, EconomyFacts, get_economy, list_economic_events
from budgets.selectors.escrow import LeaseAmounts, LeaseFacts, list_leases
from budgets.selectors.estimates import AccuracyFacts, KnownEstimates, get_estimate, list_accuracy, load_estimates
from budgets.selectors.exhaustion import get_exhaustion, list_exhaustion
from budgets.selectors.figures import get_bands, get_efficiency_terms, get_estimate_terms, get_share_terms
from budgets.selectors.gears import GearFacts, get_gear, list_gear_use
from budgets.selectors.headrooms import Level, PlanHold, list_headrooms, list_plan_holds
from budgets.selectors.hold_facts import HoldFacts, get_hold, list_holds
from budgets.selectors.holds import HoldLease, OverdueHold, count_open_holds, find_hold_leases, list_overdue_holds
from budgets.selectors.idleness import BudgetIdleness, count_refusals, list_idleness
from budgets.selectors.ledger import LedgerLine, list_ledger
from budgets.selectors.operations import find_operation_tokens, list_operations
from budgets.selectors.outcomes import count_on_target
from budgets.selectors.owners import BudgetOwner, find_known_owner, get_owner
from budgets.selectors.picture import (
    HoldOnBudget,
    PastPeriod,
    Picture,
    get_picture,
    list_escrowed,
    list_holds_on,
    list_past_periods,
)
from budgets.selectors.proposals import ProposalFacts, ProposalLineFacts, get_proposal, list_proposals
from budgets.selectors.sellable import is_below_rolling, list_quota_holds, list_sellable, total_base_steps
from budgets.selectors.spending import SpendHour, list_spend_by_hour
from budgets.selectors.templates import list_templates
from budgets.selectors.tree import find_default_budget_id, get_budget, list_budgets, list_children, list_path

__all__ = [
    "AccuracyFacts",
    "BudgetIdleness",
    "BudgetOwner",
    "EconomicLine",
    "EconomyFacts",
    "GearFacts",
    "HoldFacts",
    "HoldLease",
    "HoldOnBudget",
    "KnownEstimates",
    "LeaseAmounts",
    "LeaseFacts",
    "LedgerLine",
    "Level",
    "OverdueHold",
    "PastPeriod",
    "Picture",
    "PlanHold",
    "ProposalFacts",
    "ProposalLineFacts",
    "SpendHour",
    "count_on_target",
    "count_open_holds",
    "count_refusals",
    "find_default_budget_id",
    "find_hold_leases",
    "find_known_owner",
    "find_operation_tokens",
    "get_adjustment",
    "get_advice",
    "get_backlog",
    "get_bands",
    "get_budget",
    "get_channel",
    "get_delivery",
    "get_economy",
    "get_efficiency_terms",
    "get_estimate",
    "get_estimate_terms",
    "get_exhaustion",
    "get_gear",
    "get_hold",
    "get_owner",
    "get_picture",
    "get_proposal",
    "get_share_terms",
    "is_below_rolling",
    "list_accuracy",
    "list_adjustments",
    "list_budget_alerts",
    "list_budgets",
    "list_channels",
    "list_children",
    "list_deliveries",
    "list_economic_events",
    "list_escrowed",
    "list_exhaustion",
    "list_gear_use",
    "list_headrooms",
    "list_holds",
    "list_holds_on",
    "list_idleness",
    "list_leases",
    "list_ledger",
    "list_ledger_differences",
    "list_operations",
    "list_overdue_holds",
    "list_past_periods",
    "list_path",
    "list_plan_holds",
    "list_proposals",
    "list_quota_holds",
    "list_sellable",
    "list_spend_by_hour",
    "list_templates",
    "load_estimates",
    "total_base_steps",
]
