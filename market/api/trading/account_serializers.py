"""Accounts as the API takes and answers them. Money is decimal strings in US$, to the micro-dollar."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from config.kernel.paging import PageIn
from config.kernel.rest import StrictSerializer
from market.api.trading.auction_serializers import UsdField
from market.models import Journal

MICRO = 1_000_000
JOURNAL_KINDS = Journal.Kind.choices


class AmountField(serializers.DecimalField):
    """US$ above zero as whole micro-USD."""

    def __init__(self, **options: Any):
        super().__init__(max_digits=18, decimal_places=6, min_value=Decimal("0.000001"), **options)


class MoveIn(StrictSerializer):
    """Body of `POST /api/v1/market/accounts/top-up/` and `/pay-out/`. Without a budget the only one in micro-USD."""

    amount_usd = AmountField()
    budget = serializers.UUIDField(required=False, allow_null=True, default=None)


class DepositIn(StrictSerializer):
    """Body of `POST /api/v1/market/accounts/deposits/`."""

    team = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    amount_usd = AmountField()
    reason = serializers.CharField(max_length=300)


class AccountOut(serializers.Serializer):  # type: ignore[type-arg]
    """A team's account. What is in escrow is part of the balance."""

    name = serializers.CharField()
    team = serializers.CharField(source="team_name")
    balance_usd = UsdField(source="balance_micro_usd")
    escrow_usd = UsdField(source="reserved_micro_usd")
    free_usd = UsdField(source="free_micro_usd")


class PostingOut(serializers.Serializer):  # type: ignore[type-arg]
    """What one event did to an account."""

    id = serializers.IntegerField()
    account = serializers.CharField()
    kind = serializers.ChoiceField(choices=JOURNAL_KINDS)
    at = serializers.DateTimeField()
    amount_usd = UsdField(source="delta_micro_usd")
    escrow_usd = UsdField(source="reserved_delta_micro_usd")
    reason = serializers.CharField()
    reference = serializers.CharField()
    actor = serializers.CharField()
    auction = serializers.IntegerField(source="auction_id", allow_null=True)


class AccountsOut(serializers.Serializer):  # type: ignore[type-arg]
    """Accounts of the caller's teams and a page of what moved them, newest first."""

    accounts = AccountOut(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = PostingOut(many=True)


class PostingsIn(PageIn):
    """Query of `GET /api/v1/market/accounts/`."""


def micro_usd_of(amount_usd: Decimal) -> int:
    """Whole micro-USD; the field has no finer digits."""
    return int(amount_usd * MICRO)
