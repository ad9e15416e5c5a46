"""Both legs of a loan at once: quota now, and the same quota with a fee at the due date, backed by money."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.domain.principal import Principal
from budgets import services as budgets
from budgets.domain.quota import QuotaGive, QuotaTake, quota_reference
from budgets.domain.states import BudgetState
from budgets.domain.units import LARGEST_AMOUNT
from config.kernel.errors import Conflict
from config.kernel.transactions import transactional
from market.domain.trading.instruments import MICRO, Contract
from market.domain.trading.loans import collateral_for
from market.models import Journal, Loan, LoanEvent, team_account
from market.selectors.policies import get_policy_in_force
from market.selectors.trading.budgets import budget_of_money
from market.selectors.trading.prices import get_reference
from market.services.trading.deposits import fill_up
from market.services.trading.gates import require_trading
from market.services.trading.holding import require_holding
from market.services.trading.instruments import contract_of
from market.services.trading.loans.offers import require_takeable
from market.services.trading.loans.rows import (
    become,
    fitting_budget,
    locked_loan,
    note,
    team_of,
    terms_of,
)
from market.services.trading.money import Line, post


@transactional
def accept_loan(
    *, loan_id: UUID, budget_id: UUID | None, pay_from: UUID | None = None, principal: Principal, now: datetime
) -> Loan:
    """Borrow what is on offer: the quota comes now, the collateral goes into escrow, the return leg is agreed.

    The collateral is the quantity at the top of the collar now, and the fee; what the team's account lacks comes
    out of `pay_from` or its only micro-USD budget, as for a bid. Raises, with nothing changed: NotFound,
    NotAllowed, InvalidInput naming `budget` or `pay_from`, Conflict (`wrong_state`, `too_late`, `lender_off`,
    `halted`, `same_team`, `holding_limit`, `too_large`), AccountShort or BudgetExhausted if the team cannot back it.
    """
    team_id = team_of(principal)
    loan = locked_loan(loan_id, Loan.Status.OFFERED)
    contract = contract_of(loan.instrument)
    budget = _fitting(loan, contract, team_id, budget_id, now=now)
    if pay_from is not None:
        budget_of_money(team_id, pay_from, field="pay_from")
    _agree(loan, team_id, budget.id, now=now)
    fill_up(team_id, loan.collateral_micro_usd, pay_from=pay_from, actor=principal.actor, now=now)
    _journal(loan, actor=principal.actor, now=now)
    _deliver(loan, budget.id, loan.lots * contract.lot_steps, actor=principal.actor, now=now)
    return loan


def _fitting(loan: Loan, contract: Contract, team_id: int, budget_id: UUID | None, *, now: datetime) -> BudgetState:
    """The budget of a team that may borrow this. Raises for a team that may not."""
    if loan.lender_team_id == team_id:
        raise Conflict("A team does not borrow from itself: share inside the team instead.", code="same_team")
    require_takeable(loan, now=now)
    require_trading(loan.instrument, now=now)
    require_holding(team_id, contract, loan.lots, get_policy_in_force().terms.market, field=None)
    return fitting_budget(team_id, budget_id, contract)


def _agree(loan: Loan, team_id: int, budget_id: UUID, *, now: datetime) -> None:
    """Write both legs: who owes what until when, and what backs it."""
    loan.borrower_team_id, loan.borrower_budget_id = team_id, budget_id
    loan.lent_at, loan.outstanding_lots = now, loan.lots
    loan.top_ticks = get_reference(loan.instrument, get_policy_in_force().terms).high_ticks
    loan.collateral_micro_usd = _collateral(loan)
    become(loan, Loan.Status.RUNNING)
    loan.save()


def _collateral(loan: Loan) -> int:
    micro_usd = collateral_for(terms_of(loan), loan.lots)
    if micro_usd > LARGEST_AMOUNT:
        raise Conflict("No account could back a loan that large.", code="too_large")
    return micro_usd


def _journal(loan: Loan, *, actor: str, now: datetime) -> None:
    """One entry and one event name both legs."""
    fee = loan.fee_micro_usd / MICRO
    legs = f"{loan.lots} lots now; {loan.lots} lots and {fee:.6f} US$ back by {loan.due_at:%Y-%m-%d %H:%M:%S} UTC"
    note(loan, LoanEvent.Kind.LENT, lots=loan.lots, micro_usd=loan.fee_micro_usd, actor=actor, reason=legs, now=now)
    post(
        kind=Journal.Kind.LOAN,
        lines=[
            Line(account=team_account(loan.borrower_team_id or 0), reserved_delta_micro_usd=loan.collateral_micro_usd)
        ],
        actor=actor,
        reason=legs,
        reference=f"loan:{loan.pk}",
        now=now,
    )


def _deliver(loan: Loan, budget_id: UUID, steps: int, *, actor: str, now: datetime) -> None:
    reference = quota_reference("loan", loan.pk)
    budgets.deliver_quota(
        gives=[QuotaGive(budget_id=loan.lender_budget_id, steps=steps, reference=reference)],
        takes=[QuotaTake(budget_id=budget_id, steps=steps)],
        actor=actor,
        reason=f"loan {loan.pk}",
        now=now,
    )
