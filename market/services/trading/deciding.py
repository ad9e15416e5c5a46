"""What one call is decided from, and the decision itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q

from market.domain.trading.call import CallTerms, Cleared
from market.domain.trading.call_words import explain_call
from market.domain.trading.clearing import clear
from market.domain.trading.reference import Reference
from market.domain.trading.stored import StoredInputs, pack_call
from market.domain.trading.terms import MarketTerms
from market.models import FUND, Auction, Instrument, TradingHalt, team_account
from market.selectors.policies import PolicyFacts, get_policy_in_force
from market.selectors.trading.contracts import contract_of
from market.selectors.trading.prices import get_reference
from market.services.fund import lock_fund
from market.services.trading.gathering import Gathered, asks_of, bids_of, gather
from market.services.trading.money import lock_accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a locked instrument: when it closes, under which policy, around which price."""

    instrument: Instrument
    closes_at: datetime
    now: datetime
    policy: PolicyFacts
    reference: Reference

    @property
    def terms(self) -> MarketTerms:
        """The policy's market."""
        return self.policy.terms.market

    def gather(self, placed: Q) -> Gathered:
        """Its orders."""
        return gather(self.instrument, placed=placed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The outcome with what it came from."""

    cleared: Cleared
    inputs: StoredInputs
    explanation: str


def prepare(instrument: Instrument, *, closes_at: datetime, now: datetime) -> Call:
    """A call under the policy in force."""
    policy = get_policy_in_force()
    reference = get_reference(instrument, policy.terms)
    return Call(instrument=instrument, closes_at=closes_at, now=now, policy=policy, reference=reference)


def decide(call: Call, gathered: Gathered) -> Decided:
    """Work a call out. Where the Fund pays, the accounts of everybody in it and the Fund are locked from here on."""
    bids = bids_of(gathered, terms=call.policy.terms, high_ticks=call.reference.high_ticks, now=call.now)
    asks = asks_of(gathered.sells)
    terms = _terms(call)
    if call.policy.terms.justice.kind == "fixed":
        terms = replace(terms, fund_micro_usd=_lock_money(gathered))
    cleared = clear(bids, asks, terms)
    return Decided(
        cleared=cleared,
        inputs=pack_call(bids, asks, terms),
        explanation=explain_call(contract_of(call.instrument), bids, asks, terms, cleared),
    )


def _terms(call: Call) -> CallTerms:
    return CallTerms(
        reference_ticks=call.reference.ticks,
        low_ticks=call.reference.low_ticks,
        high_ticks=call.reference.high_ticks,
        least_principals=call.terms.least_principals,
        volatility_percent=None if _reopens(call.instrument) else call.terms.volatility_percent,
        fund_micro_usd=None,
    )


def _reopens(instrument: Instrument) -> bool:
    """Whether this is the first call after a halt for a price that moved too far: it may go where it has to."""
    halt = TradingHalt.objects.filter(instrument=instrument, kind=TradingHalt.Kind.VOLATILITY).first()
    if halt is None:
        return False
    since = Auction.objects.filter(instrument=instrument, kind=Auction.Kind.CALL, ran_at__gt=halt.starts_at)
    return not since.filter(price_ticks__isnull=False).exclude(status=Auction.Status.HALTED).exists()


def _lock_money(gathered: Gathered) -> int:
    """Accounts, then the Fund, as everybody locks them; what the Fund can spend, micro-USD."""
    lock_accounts({FUND, *(team_account(each.team_id) for each in (*gathered.buys, *gathered.sells))})
    return max(0, lock_fund())
