"""The ledger of a budget, changes that wait for somebody, and proposals, in plain words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from budgets.domain.adjustments import AdjustmentFacts, AdjustmentKind
from budgets.domain.rebalancing import RebalancedLine
from budgets.domain.units import Unit
from budgets.selectors.ledger import LedgerLine
from budgets.selectors.proposals import ProposalFacts
from dashboard.domain.figures import moment
from dashboard.presentation.budgets import exact

Row = dict[str, Any]

KIND_WORDS = {
    "allot": "limit set",
    "hold": "reserved",
    "settle": "settled",
    "correct": "corrected late",
    "release": "released",
    "expire": "expired",
    "escrow": "block in escrow",
    "period": "new period",
    "reset": "reset by hand",
    "rebalance": "rebalanced",
    "overflow": "drawn from a pool, or given back",
    "bonus": "bonus",
    "trade": "traded",
    "adjust": "adjusted by hand",
    "deallocate": "ended",
}
DELTAS = ("limit", "spent", "reserved", "overdraft", "tradeable")
_ADJUSTMENT_WORDS = {
    AdjustmentKind.LIMIT: "another limit",
    AdjustmentKind.SPENT: "correction of what was spent",
    AdjustmentKind.RESET: "reset",
    AdjustmentKind.SINGLE: "one person is enough from now on",
}


def ledger_row(line: LedgerLine, unit: Unit) -> Row:
    """One change: signed, exact, and blank where a column did not move."""
    deltas = {name: _signed(getattr(line, f"{name}_delta"), unit) for name in DELTAS}
    return {
        "id": line.id,
        "at": line.at.isoformat(),
        "at_words": f"{line.at:%d %b %Y %H:%M:%S}",
        "kind": KIND_WORDS.get(line.kind, line.kind),
        "actor": line.actor,
        "reason": line.reason,
        "deltas": [deltas[name] for name in DELTAS],
    }


def _signed(value: Decimal, unit: Unit) -> str:
    return exact(value, unit, signed=True).removesuffix(" tokens").removesuffix(" token") if value else ""


def adjustment_row(change: AdjustmentFacts, *, actor: str) -> Row:
    """A change by hand that waits for a second person. Its proposer may take it back, and no more."""
    value = exact(change.amount, Unit(change.unit), signed=change.kind is AdjustmentKind.SPENT) if change.amount else ""
    return {
        "id": change.id,
        "budget_id": change.budget_id,
        "budget": change.budget_name,
        "what": f"{_ADJUSTMENT_WORDS[change.kind]}{f': {value}' if value else ''}",
        "reason": change.reason,
        "by": change.proposed_by,
        "at": change.proposed_at.isoformat(),
        "is_own": change.proposed_by == actor,
    }


def proposal_row(proposal: ProposalFacts) -> Row:
    """Other shares for the budgets below one, and why."""
    return {
        "id": proposal.id,
        "budget_id": proposal.parent_id,
        "budget": proposal.parent_name,
        "basis": f"periods from {moment(proposal.analysed_from)} to {moment(proposal.analysed_to)}",
        "at": proposal.made_at.isoformat(),
        "lines": [
            {
                "name": line.name,
                "before": exact(line.base_before, proposal.unit),
                "after": exact(line.base_after, proposal.unit),
                "shares": f"{100 * line.share_before:.1f} % to {100 * line.share_after:.1f} %",
                "why": line.explanation,
                "is_changed": line.base_before != line.base_after,
            }
            for line in proposal.lines
        ],
    }


def rebalance_row(line: RebalancedLine) -> Row:
    """What rebalancing would do to one budget."""
    unit = Unit(line.unit)
    return {
        "key": UUID(str(line.budget_id)),
        "name": line.name,
        "before": exact(line.before, unit),
        "after": exact(line.after, unit),
        "change": exact(line.after - line.before, unit, signed=True) if line.after != line.before else "no change",
        "used": exact(line.used, unit),
    }
