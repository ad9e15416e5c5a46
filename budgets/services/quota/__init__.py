"""Quota that changes hands: kept aside while it is on offer, and delivered."""

from budgets.services.quota.delivering import deliver_quota
from budgets.services.quota.escrowing import escrow_quota
from budgets.services.quota.money import give_money, take_money

__all__ = ["deliver_quota", "escrow_quota", "give_money", "take_money"]
