"""Policies, purposes, requests, decisions and the Fund."""

from market.models.capacity import RegionHour
from market.models.fund import FUND_NAME, Fund, FundEntry
from market.models.policies import Policy, Purpose
from market.models.requests import AllocationRequest, AllocationRun, Decision, Settlement

__all__ = [
    "FUND_NAME",
    "AllocationRequest",
    "AllocationRun",
    "Decision",
    "Fund",
    "FundEntry",
    "Policy",
    "Purpose",
    "RegionHour",
    "Settlement",
]
