"""What comes back before a loan is due: returned by the borrower, or called back in an emergency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from accounts.domain.principal import Principal
from accounts.selectors import get_principal_of_team
from budgets import selectors as budget_facts
from budgets import services as budgets
from budgets.domain.quota import QuotaGive, QuotaTake
from climate import selectors as climate
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.transactions import transactional
from market.domain.trading.instruments import Contract
from market.domain.trading.loans import break_fee, collateral_for, early_return_reward, fee_until
from market.models import FUND, FundEntry, Journal, Loan, LoanEvent, team_account
from market.selectors.policies import get_policy_in_force
from market.selectors.trading.prices import get_reference
from market.services.fund import lock_fund
from market.services.trading.drafts import whole_lots
from market.services.trading.instruments import contract_of
from market.services.trading.loans.rows import become, borrower_of, locked_loan, note, team_of, terms_of
from market.services.trading.money import FundMove, Line, lock_accounts, post

RUNNING = Loan.Status.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """Lots that come back and the money that goes with them, micro-USD.

    `fee` borrower to lender, `broken` lender to borrower, `reward` the Fund to the borrower.
    """

    lots: int
    fee: int
    broken: int = 0
    reward: int = 0


@transactional
def return_loan(*, loan_id: UUID, quantity: Decimal | None, principal: Principal, now: datetime) -> Loan:
    """Give back `quantity` units (None: all that is out) out of the borrower's budget, with their fee until now.

    Collateral shrinks with it; the Fund adds a reward for what comes early, as far as it can. Raises
    NotFound (also for others' loans), InvalidInput naming `quantity` and Conflict (`wrong_state`,
    `lender_ended`, `not_available` where the borrower has spent or reserved it); nothing has changed then.
    """
    team_id = team_of(principal)
    if not Loan.objects.filter(pk=loan_id, borrower_team=team_id).exists():
        raise NotFound("There is no such loan.", field="loan")
    loan = locked_loan(loan_id, RUNNING)
    contract = contract_of(loan.instrument)
    lots = loan.outstanding_lots if quantity is None else whole_lots(quantity, contract)
    if lots > loan.outstanding_lots:
        most = loan.outstanding_lots * contract.lot_units
        raise InvalidInput(f"{most:,} {contract.unit} are out on this loan.", field="quantity", code="too_much")
    _require_lender(loan, now)
    fee = fee_until(terms_of(loan), outstanding=loan.outstanding_lots, returned=lots, at=now)
    back = Back(lots=lots, fee=fee, reward=_reward(loan, lots, fee, now))
    settle_back(loan, back, kind=LoanEvent.Kind.RETURNED, ends_as=Loan.Status.RETURNED, actor=principal.actor, now=now)
    move_back(loan, contract, lots, actor=principal.actor, now=now)
    return loan


@transactional
def break_loan(*, loan_id: UUID, principal: Principal, now: datetime) -> Loan:
    """Call back what the borrower has free, in an emergency in force where the lender is registered.

    The lender pays the loan's break fee on its value at the reference price and gets the fee until now;
    the rest runs on. Raises NotFound (also for others' loans), AccountShort, and Conflict: `wrong_state`,
    `no_emergency`, `nothing_free`.
    """
    team_id = team_of(principal)
    if not Loan.objects.filter(pk=loan_id, lender_team=team_id).exists():
        raise NotFound("There is no such loan.", field="loan")
    loan = locked_loan(loan_id, RUNNING)
    reason = _emergency_of(principal.country_code, now)
    contract = contract_of(loan.instrument)
    lots = free_lots(loan, contract, now=now)
    if not lots:
        raise Conflict("The borrower has none of it free now.", code="nothing_free")
    reference = get_reference(loan.instrument, get_policy_in_force().terms)
    back = Back(
        lots=lots,
        fee=fee_until(terms_of(loan), outstanding=loan.outstanding_lots, returned=lots, at=now),
        broken=break_fee(value_micro_usd=lots * reference.ticks, percent=loan.break_fee_percent),
    )
    kind, actor = LoanEvent.Kind.BROKEN, principal.actor
    settle_back(loan, back, kind=kind, ends_as=Loan.Status.BROKEN, actor=actor, reason=reason, now=now)
    move_back(loan, contract, lots, actor=actor, now=now)
    return loan


def settle_back(
    loan: Loan, back: Back, *, kind: LoanEvent.Kind, ends_as: Loan.Status, actor: str, reason: str = "", now: datetime
) -> None:
    """Write that lots of a locked loan came back: its rows and the money. `move_back` moves the quota, last."""
    before = loan.collateral_micro_usd
    loan.outstanding_lots -= back.lots
    loan.collateral_micro_usd = collateral_for(terms_of(loan), loan.outstanding_lots)
    loan.fee_paid_micro_usd += back.fee
    if not loan.outstanding_lots:
        become(loan, ends_as)
        loan.closed_at = now
    loan.save(update_fields=["outstanding_lots", "collateral_micro_usd", "fee_paid_micro_usd", "status", "closed_at"])
    note(loan, kind, lots=back.lots, micro_usd=back.fee, actor=actor, reason=reason, now=now)
    _pay(loan, back, freed=before - loan.collateral_micro_usd, actor=actor, reason=reason, now=now)


def move_back(loan: Loan, contract: Contract, lots: int, *, actor: str, now: datetime) -> None:
    """Bring lots from the borrower's budget to the lender's: what was borrowed first. Locks budgets: call it last."""
    _, budget_id = borrower_of(loan)
    steps = lots * contract.lot_steps
    budgets.deliver_quota(
        gives=[QuotaGive(budget_id=budget_id, steps=steps, bought_first=True)],
        takes=[QuotaTake(budget_id=loan.lender_budget_id, steps=steps, sold_first=True)],
        actor=actor,
        reason=f"loan {loan.pk}",
        now=now,
    )


def free_lots(loan: Loan, contract: Contract, *, now: datetime) -> int:
    """Whole lots of what is out that the borrower's budget has free now; none if it has ended."""
    _, budget_id = borrower_of(loan)
    found = budget_facts.list_sellable([budget_id], now=now).get(budget_id)
    return min(loan.outstanding_lots, found.free // contract.lot_steps) if found else 0


def _pay(loan: Loan, back: Back, *, freed: int, actor: str, reason: str, now: datetime) -> None:
    borrower, lender = team_account(borrower_of(loan)[0]), team_account(loan.lender_team_id)
    gets = back.broken + back.reward - back.fee
    why = f"{back.lots} lots came back" + (f": {reason}" if reason else "")
    post(
        kind=Journal.Kind.LOAN,
        lines=[
            Line(account=borrower, delta_micro_usd=gets, reserved_delta_micro_usd=-freed),
            Line(account=lender, delta_micro_usd=back.fee - back.broken),
        ],
        fund=[FundMove(kind=FundEntry.Kind.REWARD, micro_usd=-back.reward, reason="early return")]
        if back.reward
        else [],
        actor=actor,
        reason=why[:300],
        reference=f"loan:{loan.pk}",
        now=now,
    )


def _require_lender(loan: Loan, now: datetime) -> None:
    if loan.lender_budget_id not in budget_facts.list_sellable([loan.lender_budget_id], now=now):
        words = "The lender's budget has ended and takes nothing back: this is settled in money when it is due."
        raise Conflict(words, code="lender_ended")


def _reward(loan: Loan, lots: int, fee: int, now: datetime) -> int:
    """What the Fund adds, at most what it has. Teams of one organisation earn nothing from each other."""
    borrower_team, _ = borrower_of(loan)
    if now >= loan.due_at or _organisation(borrower_team) == _organisation(loan.lender_team_id):
        return 0
    terms = get_policy_in_force().terms
    reward = early_return_reward(
        terms_of(loan),
        fee_paid=fee,
        value_micro_usd=lots * get_reference(loan.instrument, terms).ticks,
        reward_percent=terms.market.early_return_reward_percent,
        at=now,
    )
    if not reward:
        return 0
    lock_accounts([FUND, team_account(borrower_team), team_account(loan.lender_team_id)])
    return min(reward, max(0, lock_fund()))


def _organisation(team_id: int) -> int | None:
    found = get_principal_of_team(team_id=team_id, actor="", scopes=frozenset())
    return found.organisation_id


def _emergency_of(country: str, now: datetime) -> str:
    for each in climate.list_active_emergencies(now=now):
        if country in each.country_codes:
            return f"emergency in {country}: {each.title}"
    raise Conflict(
        "No emergency is in force where your organisation is registered: this loan runs until it is due.",
        code="no_emergency",
    )
