"""What the parts of this room share: rows under lock, events of loans, and the terms of one as a value."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from accounts.domain.principal import Principal
from budgets.domain.states import BudgetState
from budgets.domain.units import Unit
from config.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from config.kernel.events import publish
from market.domain.trading.instruments import ANY_CLASS, Contract
from market.domain.trading.loans import LoanStatus, LoanTerms, may_become
from market.domain.trading.terms import MarketTerms
from market.events import LoansChanged
from market.models import Instrument, Loan, LoanEvent
from market.selectors.trading.budgets import budget_of_quota

CLEARING = "clearing house"


def team_of(principal: Principal) -> int:
    """The team that acts. Raises NotAllowed for who acts for none."""
    if principal.team_id is None:
        raise NotAllowed("You act for no team, so nobody would trade. Use the API key of a team, or join one.")
    return principal.team_id


def fitting_budget(team_id: int, budget_id: UUID | None, contract: Contract) -> BudgetState:
    """A budget of the team with the unit, class and period of an instrument. Raises InvalidInput naming `budget`."""
    budget = budget_of_quota(team_id, budget_id, contract.unit)
    shape = (budget.model_class or ANY_CLASS, budget.period)
    if shape != (contract.model_class or ANY_CLASS, contract.period):
        raise InvalidInput(
            f"The budget {budget.name} is for class {shape[0]} and {shape[1]}: it cannot have {contract.code}.",
            field="budget",
            code="wrong_instrument",
        )
    return budget


def locked_loan(loan_id: UUID, *statuses: Loan.Status) -> Loan:
    """A loan, locked after its instrument. Raises NotFound, and Conflict `wrong_state` if it is in none of these."""
    code = Loan.objects.filter(pk=loan_id).values_list("instrument", flat=True).first()
    if code is None:
        raise NotFound("There is no such loan.", field="loan")
    Instrument.objects.select_for_update().get(pk=code)
    loan = Loan.objects.select_for_update(of=("self",)).select_related("instrument").get(pk=loan_id)
    if loan.status not in statuses:
        raise Conflict(f"This loan is {loan.get_status_display().lower()}.", code="wrong_state", state=loan.status)
    return loan


def become(loan: Loan, status: Loan.Status) -> None:
    """Set the status of a locked loan, not saved. Raises ValueError for a step that no loan takes."""
    if not may_become(LoanStatus(loan.status), LoanStatus(status)):
        raise ValueError(f"A loan that is {loan.status} does not become {status}.")
    loan.status = status


def terms_of(loan: Loan) -> LoanTerms:
    """The terms of a loan that was lent. Raises ValueError for an offer."""
    if loan.lent_at is None:
        raise ValueError("Nobody has borrowed this.")
    return LoanTerms(
        lots=loan.lots,
        fee_micro_usd=loan.fee_micro_usd,
        top_ticks=loan.top_ticks,
        lent_at=loan.lent_at,
        due_at=loan.due_at,
    )


def borrower_of(loan: Loan) -> tuple[int, UUID]:
    """Team and budget that borrowed. Raises ValueError for an offer."""
    if loan.borrower_team_id is None or loan.borrower_budget_id is None:
        raise ValueError("Nobody has borrowed this.")
    return loan.borrower_team_id, loan.borrower_budget_id


def note(
    loan: Loan, kind: LoanEvent.Kind, *, lots: int = 0, micro_usd: int = 0, actor: str, reason: str = "", now: datetime
) -> None:
    """Write what became of a loan, and tell its teams."""
    LoanEvent.objects.create(
        loan=loan, kind=kind, lots=lots, micro_usd=micro_usd, at=now, actor=actor, reason=reason[:300]
    )
    tell([loan.lender_team_id, loan.borrower_team_id], now=now)


def tell(team_ids: Iterable[int | None], *, now: datetime) -> None:
    """Tell teams that loans, forwards or shares of theirs changed."""
    teams = tuple(sorted({team_id for team_id in team_ids if team_id is not None}))
    publish(LoansChanged(team_ids=teams, at=now))


def keep_steps_of(unit: Unit, terms: MarketTerms) -> int:
    """What a giver keeps of its own: the policy's minimum balance, which is in tokens."""
    return terms.minimum_balance_tokens if unit == Unit.TOKENS else 0
