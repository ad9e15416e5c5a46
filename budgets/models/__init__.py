"""The budget tree, holds on it, the ledger that explains every figure, and what is learned from them.

All amounts are whole steps of the budget's unit: tokens, micrograms CO2e or micro-USD
(`budgets.domain.units.STEPS_PER_UNIT`).
"""

from budgets.models.adjustments import Adjustment
from budgets.models.alerts import AlertChannel, AlertDelivery, BudgetAlert, DeliveryAttempt
from budgets.models.economy import BudgetProposal, EconomicEvent, ProposalLine
from budgets.models.estimates import EstimateGroup, EstimateOutcome
from budgets.models.holds import EscrowLease, Hold, HoldLine
from budgets.models.ledger import LedgerEntry, PeriodRecord, SpendBucket
from budgets.models.thresholds import BudgetTemplate, Threshold
from budgets.models.tree import Budget

__all__ = [
    "Adjustment",
    "AlertChannel",
    "AlertDelivery",
    "Budget",
    "BudgetAlert",
    "BudgetProposal",
    "BudgetTemplate",
    "DeliveryAttempt",
    "EconomicEvent",
    "EscrowLease",
    "EstimateGroup",
    "EstimateOutcome",
    "Hold",
    "HoldLine",
    "LedgerEntry",
    "PeriodRecord",
    "ProposalLine",
    "SpendBucket",
    "Threshold",
]
