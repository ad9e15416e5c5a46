"""Policies, purposes, requests, decisions, plans and the Fund."""

from market.models.arrivals import ArrivalHour
from market.models.capacity import RegionHour
from market.models.fund import FUND_NAME, Fund, FundEntry
from market.models.plans import Placement, RunInputs
from market.models.policies import Policy, Purpose
from market.models.requests import AllocationRequest, AllocationRun, Decision, Settlement

__all__ = [
    "FUND_NAME",
    "AllocationRequest",
    "AllocationRun",
    "ArrivalHour",
    "Decision",
    "Fund",
    "FundEntry",
    "Placement",
    "Policy",
    "Purpose",
    "RegionHour",
    "RunInputs",
    "Settlement",
]
