"""Money that comes into the market and leaves it: as much as an account holds, and all of it can come back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from budgets.models import Budget
from config.kernel.errors import InvalidInput, NotFound
from market.models import Account, Journal
from market.services.trading.deposits import MOST_IN_ACCOUNT, deposit, pay_out, top_up, withdraw
from tests.integration.market.trading.calling import assert_sound
from tests.integration.market.trading.desk import Trader, make_trader
from tests.integration.world import NOW

pytestmark = pytest.mark.django_db
NOBODY = 987_654


@pytest.fixture(autouse=True)
def _world(loaded_world: None, db: None) -> None:
    """Reference data."""


def _deposit(trader: Trader, micro_usd: int) -> Journal:
    return deposit(team_id=trader.team.team_id, micro_usd=micro_usd, actor="test", reason="gift", now=NOW)


@pytest.mark.parametrize("move", [deposit, withdraw])
def test_who_is_not_there_has_no_account(move: Callable[..., Journal]) -> None:
    with pytest.raises(NotFound):
        move(team_id=NOBODY, micro_usd=1, actor="test", reason="gift", now=NOW)
    assert not Account.objects.filter(name=f"team-{NOBODY}").exists()


def test_an_account_is_filled_up_to_a_bound_so_that_sums_of_all_stay_whole_numbers() -> None:
    rich, other = make_trader("Rich", micro_usd=2 * MOST_IN_ACCOUNT), make_trader("Other")
    _deposit(rich, MOST_IN_ACCOUNT)
    fills: list[Callable[[], Journal]] = [
        lambda: _deposit(rich, 1),
        lambda: top_up(team_id=rich.team.team_id, micro_usd=1, budget_id=None, actor="test", now=NOW),
        lambda: _deposit(other, MOST_IN_ACCOUNT + 1),
    ]
    for fill in fills:
        with pytest.raises(InvalidInput) as refusal:
            fill()
        assert (refusal.value.code, refusal.value.field) == ("account_full", "micro_usd")
    assert (rich.balance, other.balance) == ((MOST_IN_ACCOUNT, 0), (0, 0))
    assert Budget.objects.get(pk=rich.money).sold == 0
    withdraw(team_id=rich.team.team_id, micro_usd=1, actor="test", reason="back", now=NOW)
    _deposit(rich, 1)
    assert_sound()


def test_money_goes_back_and_forth_between_a_budget_and_the_account() -> None:
    trader = make_trader("Trader", micro_usd=1_000)
    for move, micro_usd in ((top_up, 1_000), (pay_out, 700), (top_up, 700), (pay_out, 1_000)):
        move(team_id=trader.team.team_id, micro_usd=micro_usd, budget_id=None, actor="test", now=NOW)
    money = Budget.objects.get(pk=trader.money)
    assert (money.limit, money.base_limit, trader.balance) == (1_000, 1_000, (0, 0))
    assert_sound()
