"""Policies, purposes, requests, decisions, plans, the Fund, and the market in surplus quota."""

from market.models.arrivals import ArrivalHour
from market.models.capacity import RegionHour
from market.models.fund import FUND_NAME, Fund, FundEntry
from market.models.plans import Placement, RunInputs
from market.models.policies import Policy, Purpose
from market.models.requests import AllocationRequest, AllocationRun, Decision, Settlement
from market.models.trading.auctions import Auction, AuctionInputs, Trade
from market.models.trading.clean import GRAMS_PER_UNIT, RegistryUnit, RegistryUse
from market.models.trading.conduct import Appeal, ConductFlag, ReputationScore, StandingRule
from market.models.trading.instruments import Instrument, TradingHalt
from market.models.trading.loans import (
    BuyIn,
    Donation,
    ForwardLeg,
    Loan,
    LoanEvent,
    QuotaPromise,
    ShareAccount,
    ShareDraw,
)
from market.models.trading.money import FUND, HOUSE, OUTSIDE, Account, Journal, Posting, team_account
from market.models.trading.orders import Order, OrderEvent

__all__ = [
    "FUND",
    "FUND_NAME",
    "GRAMS_PER_UNIT",
    "HOUSE",
    "OUTSIDE",
    "Account",
    "AllocationRequest",
    "AllocationRun",
    "Appeal",
    "ArrivalHour",
    "Auction",
    "AuctionInputs",
    "BuyIn",
    "ConductFlag",
    "Decision",
    "Donation",
    "ForwardLeg",
    "Fund",
    "FundEntry",
    "Instrument",
    "Journal",
    "Loan",
    "LoanEvent",
    "Order",
    "OrderEvent",
    "Placement",
    "Policy",
    "Posting",
    "Purpose",
    "QuotaPromise",
    "RegionHour",
    "RegistryUnit",
    "RegistryUse",
    "ReputationScore",
    "RunInputs",
    "Settlement",
    "ShareAccount",
    "ShareDraw",
    "StandingRule",
    "Trade",
    "TradingHalt",
    "team_account",
]
