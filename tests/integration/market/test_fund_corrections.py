"""What a late report moves in the Fund: all of it or nothing, and what comes in pays for what goes out."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.db.models import Sum

from market.models import Fund, FundEntry
from market.services.fund import FundShort, correct_flows, deposit_to_fund
from tests.integration.world import NOW


def _correct(*, paid: int, premium: int) -> None:
    correct_flows(paid_micro_usd=paid, premium_micro_usd=premium, request_id=None, actor="test", now=NOW)  # type: ignore[arg-type]


def _balance() -> int:
    """What the Fund has, which its entries must say too."""
    balance = Fund.objects.get().balance_micro_usd
    assert FundEntry.objects.aggregate(sum=Sum("balance_delta_micro_usd"))["sum"] == balance
    return int(balance)


@pytest.mark.django_db
@pytest.mark.parametrize(("paid", "premium", "left"), [(-300, -350, 50), (350, 300, 50), (0, -100, 0), (100, 0, 0)])
def test_a_correction_pays_back_out_of_what_comes_back(paid, premium, left):
    deposit_to_fund(micro_usd=100, actor="test", reason="seed", now=NOW)
    _correct(paid=paid, premium=premium)
    assert _balance() == left


@pytest.mark.django_db
def test_a_correction_beyond_the_fund_changes_nothing():
    deposit_to_fund(micro_usd=100, actor="test", reason="seed", now=NOW)
    with pytest.raises(FundShort), transaction.atomic():
        _correct(paid=-300, premium=-450)
    assert _balance() == 100
