"""Flags, charges and appeals: noticed once, paid to the Fund, given back when lifted."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from budgets.models import Budget, SpendBucket
from config.kernel.errors import Conflict, InvalidInput, NotFound
from market.models import Account, Appeal, ConductFlag, Fund, Journal, Order, Trade
from market.selectors import get_flag, list_flags, list_market_differences
from market.selectors.policies import get_policy_in_force
from market.services import appeal_flag, decide_appeal, decide_flag
from market.services.fund import FundShort
from market.services.trading.conduct import raise_flag
from market.services.trading.deposits import deposit
from market.services.trading.watch import watch_conduct
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.market.trading.test_registry import sold
from tests.integration.world import NOW

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
A_DAY_ON = NOW + timedelta(hours=25)


@pytest.fixture
def idle() -> Trader:
    """A team with 100,000 tokens that nobody uses."""
    return make_trader("Idle")


def turned_away(budget_id: UUID, at=A_DAY_ON - timedelta(hours=3)) -> None:
    SpendBucket.objects.create(budget_id=budget_id, starts_at=at.replace(minute=0), refusals=4)


def fill_account(trader: Trader, micro_usd: int) -> None:
    deposit(team_id=trader.team.team_id, micro_usd=micro_usd, actor="test", reason="test", now=NOW)


def fund() -> int:
    found = Fund.objects.first()
    return found.balance_micro_usd if found else 0


def flag_of(trader: Trader) -> ConductFlag:
    return ConductFlag.objects.get(team=trader.team.team_id)


def hoarded(idle: Trader, micro_usd: int = 10_000) -> ConductFlag:
    """A flag for hoarding with its charge."""
    fill_account(idle, micro_usd)
    turned_away(make_trader("Busy").tokens)
    watch_conduct(now=A_DAY_ON)
    return flag_of(idle)


def test_quota_that_lies_idle_while_others_are_refused_is_flagged_and_charged_to_the_fund(idle):
    flag = hoarded(idle)

    # 1,000 lots of 100 tokens at 300 ticks, of which 1 %.
    assert (flag.kind, flag.status, flag.charge_micro_usd) == ("hoarding", "open", 3_000)
    assert (idle.balance, fund()) == ((7_000, 0), 3_000)
    assert flag.evidence["others_turned_away"] == 4
    assert flag.evidence["idle"] == "100000"
    assert flag.charge is not None
    assert flag.charge.kind == Journal.Kind.CHARGE
    assert list_market_differences() == []


def test_the_same_is_noticed_and_charged_once_however_often_somebody_looks(idle):
    hoarded(idle)

    assert watch_conduct(now=A_DAY_ON) == 0
    assert watch_conduct(now=A_DAY_ON + timedelta(hours=2)) == 0
    assert (ConductFlag.objects.count(), idle.balance) == (1, (7_000, 0))


def test_no_more_is_taken_than_the_account_has_free_and_what_was_due_is_kept(idle):
    flag = hoarded(idle, 500)

    assert (flag.charge_micro_usd, flag.evidence["charge_due_micro_usd"], idle.balance) == (500, 3_000, (0, 0))


def test_without_refusals_of_other_teams_in_that_unit_nobody_hoards(idle):
    turned_away(idle.tokens)
    turned_away(make_trader("Short of money").money)

    watch_conduct(now=A_DAY_ON)

    assert not ConductFlag.objects.filter(team=idle.team.team_id).exists()


@pytest.mark.parametrize("why", ["used", "on offer", "new", "earlier"])
def test_quota_that_is_used_offered_or_new_is_not_hoarded(idle, why):
    busy = make_trader("Busy").tokens
    if why == "earlier":
        turned_away(busy, at=NOW - timedelta(hours=2))
    else:
        turned_away(busy)
    if why == "used":
        SpendBucket.objects.create(budget_id=idle.tokens, starts_at=NOW + timedelta(hours=2), spent=3_000)
    if why == "on offer":
        sell(idle, 50_000)
    when = NOW + timedelta(hours=23) if why == "new" else A_DAY_ON

    watch_conduct(now=when)

    assert not ConductFlag.objects.filter(budget=idle.tokens).exists()


@pytest.mark.parametrize("why", ["nothing of it is tradeable", "changes wait for a second person"])
def test_quota_that_could_not_be_sold_is_flagged_and_costs_nothing(idle, why):
    changes = {"tradeable_percent": 0} if why.startswith("nothing") else {"needs_two": True}
    Budget.objects.filter(pk=idle.tokens).update(**changes)

    flag = hoarded(idle)

    assert (flag.charge_micro_usd, flag.charge, flag.evidence["could_be_offered"]) == (0, None, "0")
    assert (idle.balance, fund()) == ((10_000, 0), 0)


def test_a_charge_that_the_fund_cannot_give_back_now_leaves_flag_and_appeal_as_they_are(idle):
    flag = hoarded(idle)
    appeal = appeal_flag(flag_id=flag.pk, text="Ours.", principal=idle.team.principal, now=A_DAY_ON)
    Fund.objects.update(reserved_micro_usd=1_000)

    with pytest.raises(FundShort):
        decide_appeal(appeal_id=appeal.pk, accept=True, reason="fair", actor="person ann", now=A_DAY_ON)

    shown = get_flag(flag.pk)
    assert (shown.status, shown.appeals[0].status, shown.appeals[0].decided_at) == ("open", "open", None)
    assert (idle.balance, fund()) == ((7_000, 0), 3_000)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301])
def test_a_decision_without_a_reason_or_with_too_long_a_one_decides_nothing(idle, reason):
    flag = hoarded(idle)
    appeal = appeal_flag(flag_id=flag.pk, text="Ours.", principal=idle.team.principal, now=A_DAY_ON)

    with pytest.raises(InvalidInput) as refused:
        decide_appeal(appeal_id=appeal.pk, accept=True, reason=reason, actor="person ann", now=A_DAY_ON)

    assert (refused.value.field, get_flag(flag.pk).status, fund()) == ("reason", "open", 3_000)


def test_an_organisation_that_buys_from_itself_three_times_is_flagged(idle):
    for _ in range(3):
        auction = sold(sell(idle, 100), 1)
        bought = Trade.objects.get(auction=auction)
        bought.pk, bought.side, bought.order = None, Order.Side.BUY, buy(idle, 100)
        bought.save(force_insert=True)

    assert watch_conduct(now=NOW + timedelta(minutes=1)) == 1
    flag = flag_of(idle)
    assert (flag.kind, flag.evidence["times"], flag.charge_micro_usd) == ("wash", 3, 0)
    assert watch_conduct(now=NOW + timedelta(minutes=2)) == 0


def test_large_orders_taken_back_again_and_again_are_flagged(idle):
    for number in range(5):
        sell(make_trader(f"Other {number}"), 100)
    for number in range(5):
        order = sell(idle, 1_000)
        closed = NOW + timedelta(minutes=number + 1)
        Order.objects.filter(pk=order.pk).update(status=Order.Status.CANCELLED, closed_at=closed)

    assert watch_conduct(now=NOW + timedelta(minutes=10)) == 1
    flag = flag_of(idle)
    assert (flag.kind, flag.evidence["usual_lots"], len(flag.evidence["orders"])) == ("spoof", 1, 5)


def test_an_accepted_appeal_lifts_the_flag_and_gives_the_charge_back(idle):
    flag = hoarded(idle)
    appeal = appeal_flag(flag_id=flag.pk, text="We wait for a storm.", principal=idle.team.principal, now=A_DAY_ON)

    decide_appeal(appeal_id=appeal.pk, accept=True, reason="fair", actor="person ann", now=A_DAY_ON)

    shown = get_flag(flag.pk)
    assert (shown.status, shown.decided_by, shown.appeals[0].status) == ("lifted", "person ann", "accepted")
    assert (idle.balance, fund()) == ((10_000, 0), 0)
    assert Journal.objects.get(reverses=flag.charge_id).kind == Journal.Kind.REVERSAL
    assert list_market_differences() == []
    with pytest.raises(Conflict):
        decide_appeal(appeal_id=appeal.pk, accept=True, reason="again", actor="person ann", now=A_DAY_ON)
    assert idle.balance == (10_000, 0)


def test_a_rejected_appeal_upholds_the_flag_and_ends_the_matter(idle):
    flag = hoarded(idle)
    appeal = appeal_flag(flag_id=flag.pk, text="We need it.", principal=idle.team.principal, now=A_DAY_ON)
    decide_appeal(appeal_id=appeal.pk, accept=False, reason="no", actor="person ann", now=A_DAY_ON)

    assert (get_flag(flag.pk).status, idle.balance) == ("upheld", (7_000, 0))
    with pytest.raises(Conflict) as refused:
        appeal_flag(flag_id=flag.pk, text="Once more.", principal=idle.team.principal, now=A_DAY_ON)
    assert refused.value.code == "decided"


def test_only_its_team_appeals_once_and_with_words(idle):
    flag, other = hoarded(idle), make_trader("Other").team.principal

    with pytest.raises(NotFound):
        appeal_flag(flag_id=flag.pk, text="Not mine.", principal=other, now=A_DAY_ON)
    with pytest.raises(InvalidInput):
        appeal_flag(flag_id=flag.pk, text="  ", principal=idle.team.principal, now=A_DAY_ON)
    appeal_flag(flag_id=flag.pk, text="Ours.", principal=idle.team.principal, now=A_DAY_ON)
    with pytest.raises(Conflict) as refused:
        appeal_flag(flag_id=flag.pk, text="Ours.", principal=idle.team.principal, now=A_DAY_ON)
    assert (refused.value.code, Appeal.objects.count()) == ("already_appealed", 1)


def test_a_person_lifts_or_upholds_once_but_not_past_an_appeal_that_waits(idle):
    flag = hoarded(idle)
    appeal = appeal_flag(flag_id=flag.pk, text="Ours.", principal=idle.team.principal, now=A_DAY_ON)
    decide = partial(decide_flag, flag_id=flag.pk, lift=True, reason="error", actor="person ann", now=A_DAY_ON)

    with pytest.raises(Conflict) as refused:
        decide()
    assert refused.value.code == "appealed"
    Appeal.objects.filter(pk=appeal.pk).delete()
    decide()
    with pytest.raises(Conflict):
        decide()
    assert (idle.balance, fund()) == ((10_000, 0), 0)


def test_a_team_sees_its_own_flags(idle):
    flag, other = hoarded(idle), make_trader("Other")

    assert [each.id for each in list_flags(team_ids=[idle.team.team_id])] == [flag.pk]
    assert list_flags(team_ids=[other.team.team_id]) == []
    assert len(list_flags(team_ids=None)) == 1


def test_a_policy_without_a_charge_only_flags(idle):
    assert get_policy_in_force().terms.market.hoarding_charge_percent == 1
    raise_flag(key="k", kind=ConductFlag.Kind.HOARDING, team_id=idle.team.team_id, since=NOW, evidence={}, now=A_DAY_ON)

    assert (flag_of(idle).charge, Account.objects.filter(name=idle.account).exists()) == (None, False)
