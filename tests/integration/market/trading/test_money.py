"""Money of the market: double entry, never overdrawn, the Fund's books beside it."""

from __future__ import annotations

import pytest
from django.db.models import Sum

from market.models import FUND, HOUSE, OUTSIDE, Account, Fund, FundEntry, Journal, Posting
from market.services import deposit_to_fund
from market.services.fund import FundShort
from market.services.trading.money import AccountShort, FundMove, Line, account_of, post
from tests.integration.world import NOW, make_team

pytestmark = pytest.mark.django_db


def _post(*lines: Line, fund: tuple[FundMove, ...] = (), kind: Journal.Kind = Journal.Kind.TRADE) -> Journal:
    return post(kind=kind, lines=lines, fund=fund, actor="test", reason="test", now=NOW)


def _filled(micro_usd: int) -> str:
    name = account_of(make_team(f"Team {Account.objects.count()}").team_id)
    _post(Line(account=name, delta_micro_usd=micro_usd), Line(account=OUTSIDE, delta_micro_usd=-micro_usd))
    return name


def _state(name: str) -> tuple[int, int]:
    account = Account.objects.get(name=name)
    return account.balance_micro_usd, account.reserved_micro_usd


def test_what_one_account_gets_another_gives_and_each_is_the_sum_of_its_postings() -> None:
    buyer, seller = _filled(1_000), _filled(50)
    journal = _post(
        Line(account=buyer, delta_micro_usd=-300, order_number=7), Line(account=seller, delta_micro_usd=300)
    )
    assert (_state(buyer), _state(seller)) == ((700, 0), (350, 0))
    assert Account.objects.aggregate(sum=Sum("balance_micro_usd"))["sum"] == 0
    posted = journal.postings.order_by("id").values_list("account_id", "delta_micro_usd", "order_number")
    assert list(posted) == [(buyer, -300, 7), (seller, 300, None)]


def test_lines_that_do_not_sum_to_zero_are_refused_and_change_nothing() -> None:
    buyer = _filled(1_000)
    with pytest.raises(ValueError, match="do not sum to zero"):
        _post(Line(account=buyer, delta_micro_usd=-300), Line(account=HOUSE, delta_micro_usd=299))
    assert _state(buyer) == (1_000, 0)
    assert Journal.objects.count() == 1


def test_an_account_never_gives_what_it_keeps_in_escrow() -> None:
    buyer = _filled(1_000)
    _post(Line(account=buyer, reserved_delta_micro_usd=800), kind=Journal.Kind.ESCROW)
    with pytest.raises(AccountShort) as refusal:
        _post(Line(account=buyer, delta_micro_usd=-201), Line(account=HOUSE, delta_micro_usd=201))
    assert refusal.value.facts == {"account": buyer, "needed_usd": "0.000201", "remaining_usd": "0.000200"}
    assert _state(buyer) == (1_000, 800)
    _post(
        Line(account=buyer, delta_micro_usd=-800, reserved_delta_micro_usd=-800),
        Line(account=HOUSE, delta_micro_usd=800),
    )
    assert _state(buyer) == (200, 0)


def test_escrow_is_not_given_back_twice() -> None:
    buyer = _filled(1_000)
    with pytest.raises(ValueError, match="in escrow"):
        _post(Line(account=buyer, reserved_delta_micro_usd=-1))


def test_the_fund_s_own_books_say_what_its_account_says() -> None:
    deposit_to_fund(micro_usd=100, actor="test", reason="gift", now=NOW)
    buyer, seller = _filled(1_000), _filled(1)
    _post(
        Line(account=buyer, delta_micro_usd=-350),
        Line(account=seller, delta_micro_usd=400),
        fund=(
            FundMove(kind=FundEntry.Kind.SUBSIDY, micro_usd=-60, reason="need"),
            FundMove(kind=FundEntry.Kind.ADDER, micro_usd=10, reason="carbon adder"),
        ),
    )
    assert _state(FUND) == (-50, 0)
    assert Fund.objects.get().balance_micro_usd == 50
    booked = FundEntry.objects.filter(journal__isnull=False)
    assert booked.aggregate(sum=Sum("balance_delta_micro_usd"))["sum"] == -50
    assert set(booked.values_list("kind", flat=True)) == {"subsidy", "adder"}


def test_what_the_fund_cannot_pay_is_not_paid_at_all() -> None:
    deposit_to_fund(micro_usd=100, actor="test", reason="gift", now=NOW)
    seller = _filled(1)
    with pytest.raises(FundShort):
        _post(
            Line(account=seller, delta_micro_usd=101),
            fund=(FundMove(kind=FundEntry.Kind.SUBSIDY, micro_usd=-101, reason="need"),),
        )
    assert _state(seller) == (1, 0)
    assert Fund.objects.get().balance_micro_usd == 100
    assert not Posting.objects.filter(account=FUND).exists()


def test_the_fund_s_account_is_moved_by_its_books_alone() -> None:
    with pytest.raises(ValueError, match="its own books"):
        _post(Line(account=FUND, delta_micro_usd=1), Line(account=OUTSIDE, delta_micro_usd=-1))
