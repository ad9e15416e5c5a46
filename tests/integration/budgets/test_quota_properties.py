"""Any order of offers, deliveries, work and turns, over any tree: nothing overspent, none made, none lost."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets import services
from budgets.domain.periods import Period
from budgets.domain.quota import OfferRoom, Parts, QuotaGive, QuotaTake, net, quota_reference
from budgets.domain.units import Unit
from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences, list_sellable
from config.kernel.errors import DomainError
from tests.integration.budgets.work import hold, settle
from tests.integration.world import NOW, make_budget, make_team, undone

pytestmark = pytest.mark.django_db
WHICH = st.integers(0, 50)
STEPS = st.integers(1, 80)
TREES = st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.sampled_from([0, 50, 100])), min_size=2, max_size=6)
"""For each budget: below which of those before it (itself: none), whether it counts grams, its tradeable share."""
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), WHICH, st.integers(0, 90), st.integers(0, 20)),
        st.tuples(st.just("deliver"), WHICH, WHICH, STEPS),
        st.tuples(st.just("give"), WHICH, WHICH, STEPS),
        st.tuples(st.just("return"), WHICH, WHICH, STEPS),
        st.tuples(st.just("transfer"), WHICH, WHICH, STEPS),
        st.tuples(st.just("hold"), WHICH, STEPS, STEPS),
        st.tuples(st.just("settle"), WHICH, st.integers(0, 120), STEPS),
        st.tuples(st.just("allot"), WHICH, st.integers(1, 150), STEPS),
        st.tuples(st.just("turn"), WHICH, st.integers(1, 30), STEPS),
        st.tuples(st.just("reset"), WHICH, STEPS, STEPS),
    ),
    max_size=25,
)


class World:
    """A tree of budgets, what is on offer of them and what work holds."""

    def __init__(self, tree) -> None:
        self.team, self.now, self.ids, self.work = make_team(), NOW, [], []
        for index, (above, is_grams, percent) in enumerate(tree):
            self.ids.append(
                make_budget(
                    self.team,
                    100,
                    name=f"{index}",
                    unit=Unit.CARBON_G if is_grams and index == 0 else Unit.TOKENS,
                    period=Period.DAY,
                    parent_id=self.ids[above] if above < index else None,
                    tradeable_percent=percent,
                    rollover_percent=percent,
                )
            )

    def do(self, kind: str, which: int, one: int, other: int) -> None:
        """Do it, or be refused. A refusal changes nothing that the next invariants would not see."""
        budget_id = self.ids[which % len(self.ids)]
        with suppress(DomainError):
            getattr(self, kind)(budget_id, one, other)

    def offer(self, budget_id: UUID, steps: int, keep: int) -> None:
        before = list_sellable([budget_id], now=self.now)[budget_id]
        reference = quota_reference("order", budget_id)
        services.escrow_quota(
            reference=reference, budget_id=budget_id, steps=steps, keep_steps=keep, actor="a", now=self.now
        )
        assert steps - before.on_offer <= before.steps

    def deliver(self, budget_id: UUID, taker: int, steps: int) -> None:
        offered = Hold.objects.filter(budget=budget_id, reference__startswith="quota:", status="reserved").first()
        if offered is not None and offered.tokens:
            self.move(budget_id, taker, min(steps, offered.tokens), reference=offered.reference)

    def give(self, budget_id: UUID, taker: int, steps: int) -> None:
        self.move(budget_id, taker, steps)

    def move(self, budget_id: UUID, taker: int, steps: int, **more) -> None:
        """The limits of the two add up to what they did before, and so do those of all roots in tokens."""
        to = self.ids[taker % len(self.ids)]
        if Budget.objects.filter(pk__in=[budget_id, to]).values("unit").distinct().count() > 1:
            return
        before = self.limits_of_tops()
        gives = [QuotaGive(budget_id=budget_id, steps=steps, **more)]
        takes = [QuotaTake(budget_id=to, steps=steps, sold_first="bought_first" in more)]
        services.begin_due_periods(now=self.now)
        services.deliver_quota(gives=gives, takes=takes, actor="a", reason="b", now=self.now)
        assert self.limits_of_tops() == before

    def limits_of_tops(self) -> int:
        """The limits of all budgets in tokens that have none in tokens above them."""
        rows = Budget.objects.filter(unit=Unit.TOKENS)
        tokens = {str(row.pk) for row in rows}
        return sum(row.limit for row in rows if not tokens & set(row.path_ids[1:]))

    def transfer(self, budget_id: UUID, taker: int, steps: int) -> None:
        to = self.ids[taker % len(self.ids)]
        services.transfer_quota(from_id=budget_id, to_id=to, amount=Decimal(steps), actor="a", reason="b", now=self.now)

    def hold(self, budget_id: UUID, steps: int, _: int) -> None:
        self.work.append(hold(budget_id, steps, now=self.now))

    def settle(self, budget_id: UUID, steps: int, _: int) -> None:
        if self.work:
            settle(self.work.pop(), steps, now=self.now)

    def allot(self, budget_id: UUID, limit: int, _: int) -> None:
        services.allot(budget_id=budget_id, limit=Decimal(limit), actor="a", reason="b", now=self.now)

    def turn(self, budget_id: UUID, hours: int, _: int) -> None:
        self.now += timedelta(hours=hours)
        if hours % 2:
            services.begin_due_periods(now=self.now)

    def reset(self, budget_id: UUID, _: int, __: int) -> None:
        services.reset_budget(budget_id=budget_id, actor="a", reason="b", now=self.now)

    def assert_sound(self) -> None:
        for row in Budget.objects.all():
            assert row.limit >= row.spent + row.reserved >= 0
            assert min(row.sold, row.bonus, row.tradeable, row.base_limit, row.spent, row.reserved) >= 0
            assert row.tradeable <= row.bonus


setattr(World, "return", lambda self, budget_id, taker, steps: self.move(budget_id, taker, steps, bought_first=True))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES, operations=OPERATIONS)
def test_nothing_is_overspent_made_or_lost_whatever_changes_hands(tree, operations):
    with undone():
        world = World(tree)
        for operation in operations:
            world.do(*operation)
            world.assert_sound()
        assert list_ledger_differences() == []


PART = st.integers(0, 1000)


@given(base=PART, earned=PART, bought=PART, sold=PART, moves=st.lists(st.tuples(PART, *[st.booleans()] * 3)))
def test_the_base_stays_whatever_leaves_and_arrives(base, earned, bought, sold, moves):
    parts = Parts(limit=base + earned + bought - sold, bonus=earned + bought, tradeable=earned, sold=sold)
    before = Parts(limit=parts.limit, bonus=parts.bonus, tradeable=parts.tradeable, sold=parts.sold)
    balance = 0
    for steps, leaves, is_own, is_return in moves:
        if leaves:
            parts.leave(steps, is_own=is_own, bought_first=is_return)
        else:
            parts.arrive(steps, sold_first=is_return)
        balance += -steps if leaves else steps
        assert parts.limit - parts.bonus + parts.sold == base
        assert 0 <= parts.tradeable <= parts.bonus
        assert parts.sold >= 0
    moved = net(before, parts)
    assert moved.limit == balance
    assert moved.limit == moved.bonus - moved.sold
    assert not (moved.sold > 0 and moved.bonus > 0)


@given(base=PART, percent=st.integers(0, 100), sold=PART, on_offer=PART, bonus=PART, tradeable=PART)
def test_no_more_than_the_share_of_the_base_and_the_earned_part_of_the_bonus_is_ever_offered(
    base, percent, sold, on_offer, bonus, tradeable
):
    room = OfferRoom(
        limit=max(0, base + bonus + tradeable - sold),
        spent=0,
        reserved=on_offer,
        base=base,
        pooled=0,
        bonus=bonus + tradeable,
        tradeable=tradeable,
        sold=sold,
        tradeable_percent=percent,
        on_offer=on_offer,
    )
    assert room.by_rule + sold + on_offer == tradeable + base * percent // 100
    assert room.own <= max(0, base - sold) + tradeable - on_offer
