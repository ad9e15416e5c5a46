"""An order as it was asked for, checked and with all its facts, before anything is locked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from accounts.domain.principal import Principal
from budgets.domain.periods import Period
from budgets.domain.states import BudgetState
from budgets.domain.units import LARGEST_AMOUNT, Unit
from climate import selectors as climate
from config.kernel.errors import InvalidInput, NotAllowed
from market.domain.policy import PolicyTerms
from market.domain.trading.buyers import BuyerFacts, buyer_facts
from market.domain.trading.clean import CleanFacts
from market.domain.trading.instruments import ANY_CLASS, Contract, lots_of
from market.domain.trading.orders import OrderAsk, OrderKind, Side, contract_for, last_moment
from market.models import Instrument
from market.selectors.facts import get_mean_need_score
from market.selectors.policies import get_policy_in_force
from market.selectors.trading.budgets import budget_of_money, budget_of_quota
from market.services.trading.clean import clean_facts_of
from market.services.trading.instruments import contract_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """All that an order is made of. `buyer` is of a buy order, `clean` of a sell order."""

    ask: OrderAsk
    team_id: int
    actor: str
    terms: PolicyTerms
    budget: BudgetState
    contract: Contract
    lots: int
    good_until: datetime
    buyer: BuyerFacts | None
    clean: CleanFacts | None

    @property
    def is_buy(self) -> bool:
        """Whether it wants quota."""
        return self.ask.side == Side.BUY


def draft_order(*, ask: OrderAsk, principal: Principal, now: datetime) -> Draft:
    """Check what can be checked without a lock. Raises InvalidInput or NotAllowed naming the field."""
    if principal.team_id is None:
        raise NotAllowed("You act for no team, so nobody would trade. Use the API key of a team, or join one.")
    terms = get_policy_in_force().terms
    _check_price(ask)
    budget = budget_of_quota(principal.team_id, ask.budget_id, ask.unit)
    if ask.pay_from is not None:
        budget_of_money(principal.team_id, ask.pay_from, field="pay_from")
    contract = _contract(ask, budget, terms, now)
    return Draft(
        ask=ask,
        team_id=principal.team_id,
        actor=principal.actor,
        terms=terms,
        budget=budget,
        contract=contract,
        lots=whole_lots(ask.quantity, contract),
        good_until=_good_until(ask, contract, terms, now),
        buyer=_buyer(principal, terms, now) if ask.side == Side.BUY else None,
        clean=_clean(ask, principal.team_id, contract, terms, now) if ask.side == Side.SELL else None,
    )


def whole_lots(quantity: Decimal, contract: Contract, *, field: str = "quantity") -> int:
    """Lots of a quantity in units. Raises InvalidInput naming `field` if that is no whole number of lots."""
    lots = lots_of(quantity, contract.lot_units)
    if lots is None:
        raise InvalidInput(
            f"A quantity is more than zero, in whole lots of {contract.lot_units:,} {contract.unit}.",
            field=field,
            code="not_whole_lots",
            lot=contract.lot_units,
        )
    if lots * contract.lot_steps > LARGEST_AMOUNT:
        raise InvalidInput("No budget is that large.", field=field, code="too_large")
    return lots


def _check_price(ask: OrderAsk) -> None:
    if ask.unit == Unit.MICRO_USD:
        raise InvalidInput("Money is not traded for money.", field="unit", code="not_traded")
    if ask.kind == OrderKind.MARKET and ask.limit_price_usd is not None:
        raise InvalidInput(
            "A market order has no limit. Leave it out, or send a limit order.",
            field="limit_price_usd",
            code="no_limit",
        )
    if ask.kind != OrderKind.MARKET and ask.limit_price_usd is None:
        raise InvalidInput(
            "Say the worst price that you accept for one unit, in US$.", field="limit_price_usd", code="required"
        )
    if ask.side == Side.BUY and (ask.region or ask.units):
        field = "region" if ask.region else "units"
        raise InvalidInput("Only who sells says what is behind it.", field=field, code="not_for_buyers")


def _contract(ask: OrderAsk, budget: BudgetState, terms: PolicyTerms, now: datetime) -> Contract:
    if ask.period is not None and ask.period != budget.period:
        raise InvalidInput(
            f"The budget {budget.name} is for {budget.period}, not for {ask.period}.",
            field="period",
            code="wrong_period",
        )
    contract = contract_for(
        unit=ask.unit,
        model_class=_model_class(ask, budget),
        period=Period(budget.period),
        delivery=ask.delivery,
        terms=terms.market,
        now=now,
    )
    if contract is None:
        raise InvalidInput(f"No {budget.period} that is traded now begins then.", field="delivery", code="not_traded")
    # A stored instrument keeps the lot it began with, whatever the policy says today.
    stored = Instrument.objects.filter(pk=contract.code).first()
    return contract_of(stored) if stored else contract


def _model_class(ask: OrderAsk, budget: BudgetState) -> str:
    """Quota of a class comes out of a budget for that class or for any, and goes into one for that class only."""
    asked = budget.model_class if ask.model_class is None else ask.model_class
    if ask.unit != Unit.TOKENS and asked:
        raise InvalidInput(f"Quota in {ask.unit} is for any class.", field="model_class", code="no_class")
    may_sell_any = ask.side == Side.SELL and not budget.model_class
    if asked != budget.model_class and not may_sell_any:
        raise InvalidInput(
            f"The budget {budget.name} is for class {budget.model_class or ANY_CLASS}, not {asked or ANY_CLASS}.",
            field="model_class",
            code="wrong_class",
        )
    return asked


def _good_until(ask: OrderAsk, contract: Contract, terms: PolicyTerms, now: datetime) -> datetime:
    last = last_moment(contract, most_days=terms.market.most_order_days, now=now)
    if ask.good_until is None:
        return last
    if ask.good_until <= now:
        raise InvalidInput("This moment has passed.", field="good_until", code="past")
    if ask.good_until > last:
        raise InvalidInput(
            f"An order of {contract.code} ends by {last:%Y-%m-%d %H:%M:%S} UTC.", field="good_until", code="too_late"
        )
    return ask.good_until


def _buyer(principal: Principal, terms: PolicyTerms, now: datetime) -> BuyerFacts:
    """Its origin is where the organisation is registered: nobody claims another one to pay less."""
    return buyer_facts(
        principal.country_code,
        climate.find_country(principal.country_code),
        mean_score=get_mean_need_score(now),
        emergencies=climate.list_active_emergencies(now=now),
        terms=terms,
    )


def _clean(ask: OrderAsk, team_id: int, contract: Contract, terms: PolicyTerms, now: datetime) -> CleanFacts:
    clean = clean_facts_of(team_id=team_id, region_code=ask.region, contract=contract, terms=terms, now=now)
    if ask.units and not clean.adder_ticks:
        raise InvalidInput(
            "Nothing is to be covered: this offer has no carbon adder.", field="units", code="not_needed"
        )
    return clean
