"""Holds of plans: set to an amount, carved for single pieces of work, and never swept."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest

from budgets import services
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.resizing import Carving, HoldTarget, plan_reference
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, EscrowLease, Hold, LedgerEntry
from budgets.selectors import count_open_holds, list_headrooms, list_ledger_differences, list_plan_holds
from budgets.services import escrow
from config.kernel.errors import Conflict, InvalidInput
from tests.integration.budgets.work import hold, row, settle
from tests.integration.processes import in_processes
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db
LEASE = NOW + timedelta(days=2)
TOMORROW = NOW + timedelta(days=1)


def amounts_of(tokens: int, carbon_ug: int = 0, micro_usd: int = 0, energy_uwh: int = 0) -> Amounts:
    return Amounts(tokens=tokens, carbon_ug=carbon_ug, micro_usd=micro_usd, energy_uwh=energy_uwh)


def make_path(*limits: int, unit: Unit = Unit.TOKENS, **changes) -> list[UUID]:
    """Budgets below each other, the root first."""
    team, ids = make_team(), []
    for index, limit in enumerate(limits):
        parent_id = ids[-1] if ids else None
        ids.append(make_budget(team, limit, name=f"level {index}", parent_id=parent_id, unit=unit, **changes))
    return ids


def resize(budget_id: UUID, amounts: Amounts, *, now=NOW, lasts=LEASE) -> UUID | None:
    return services.resize_hold(
        reference=plan_reference(budget_id),
        budget_id=budget_id,
        amounts=amounts,
        lease_expires_at=lasts,
        actor="plan",
        now=now,
    )


def carving(tokens: int, name: str) -> Carving:
    return Carving(reference=f"request:{name}", amounts=amounts_of(tokens), lease_expires_at=LEASE, actor="a")


def carve(budget_id: UUID, amounts: Amounts, name: str = "one", *, now=NOW):
    return services.carve_hold(
        from_reference=plan_reference(budget_id),
        amounts=amounts,
        reference=f"request:{name}",
        lease_expires_at=now + timedelta(hours=1),
        actor="somebody",
        now=now,
    )


def target(budget_id: UUID, tokens: int) -> HoldTarget:
    return HoldTarget(
        reference=plan_reference(budget_id), budget_id=budget_id, amounts=amounts_of(tokens), lease_expires_at=LEASE
    )


def reserved(*budget_ids: UUID) -> list[int]:
    return [row(each).reserved for each in budget_ids]


def test_a_plan_hold_holds_exactly_what_it_is_set_to_at_every_level():
    root, leaf = make_path(1000, 800)
    first = resize(leaf, amounts_of(300))
    assert reserved(root, leaf) == [300, 300]
    assert resize(leaf, amounts_of(500), lasts=LEASE + timedelta(hours=1)) == first
    assert reserved(root, leaf) == [500, 500]
    assert resize(leaf, amounts_of(120)) == first
    assert reserved(root, leaf) == [120, 120]
    kept = Hold.objects.get(pk=first)
    assert (kept.tokens, kept.fence, kept.lease_expires_at) == (120, 3, LEASE)
    assert list_ledger_differences() == []


def test_the_ledger_has_the_differences_only():
    (leaf,) = make_path(1000)
    for tokens in (300, 300, 500, 120):
        resize(leaf, amounts_of(tokens))
    moves = LedgerEntry.objects.filter(hold__isnull=False).order_by("pk").values_list("kind", "reserved_delta")
    assert list(moves) == [("hold", 300), ("hold", 200), ("release", -380)]


def test_set_to_nothing_it_is_released_and_the_next_plan_makes_another():
    root, leaf = make_path(1000, 800)
    first = resize(leaf, amounts_of(300))
    assert resize(leaf, amounts_of(0)) is None
    assert (reserved(root, leaf), Hold.objects.get(pk=first).status) == ([0, 0], "released")
    assert resize(leaf, amounts_of(0)) is None
    second = resize(leaf, amounts_of(10))
    assert second not in (None, first)
    assert list_ledger_differences() == []


def test_each_level_counts_its_own_unit():
    team = make_team()
    root = make_budget(team, 50, unit=Unit.CARBON_G, name="grams")
    leaf = make_budget(team, 1000, parent_id=root, name="tokens")
    resize(leaf, amounts_of(300, carbon_ug=7_000_000))
    resize(leaf, amounts_of(200, carbon_ug=9_000_000))
    assert reserved(root, leaf) == [9_000_000, 200]
    assert list_ledger_differences() == []


@pytest.mark.parametrize(("limits", "short"), [((1000, 400), "level 1"), ((400, 1000), "level 0")])
def test_growth_that_a_level_cannot_pay_is_refused_by_it_and_changes_nothing(limits, short):
    root, leaf = make_path(*limits)
    hold_id = resize(leaf, amounts_of(300))
    before = list(LedgerEntry.objects.values_list("pk", flat=True))
    with pytest.raises(BudgetExhausted) as refusal:
        resize(leaf, amounts_of(401))
    assert (refusal.value.facts["needed"], refusal.value.facts["remaining"]) == (101, 100)
    assert short in refusal.value.detail
    assert reserved(root, leaf) == [300, 300]
    assert (Hold.objects.get(pk=hold_id).fence, list(LedgerEntry.objects.values_list("pk", flat=True))) == (1, before)


def test_a_budget_that_is_not_there_or_has_ended_pays_nothing():
    (leaf,) = make_path(1000)
    with pytest.raises(InvalidInput):
        resize(UUID(int=7), amounts_of(1))
    services.deallocate(budget_id=leaf, actor="test", reason="over", now=NOW)
    with pytest.raises(InvalidInput):
        resize(leaf, amounts_of(1))
    assert list_headrooms([leaf], now=NOW)[leaf][0].remaining == 0


def test_a_reference_is_one_budgets_only():
    root, leaf = make_path(1000, 1000)
    resize(leaf, amounts_of(10))
    with pytest.raises(Conflict):
        services.resize_hold(
            reference=plan_reference(leaf),
            budget_id=root,
            amounts=amounts_of(5),
            lease_expires_at=LEASE,
            actor="plan",
            now=NOW,
        )
    assert reserved(root, leaf) == [10, 10]


def test_blocks_in_escrow_are_called_back_before_a_plan_is_refused():
    root, leaf = make_path(1000, 1000, gear="leased")
    hold(leaf, 10)
    escrow.tend(budget_id=leaf, amounts=amounts_of(10), asks_per_second=50.0, now=NOW)
    assert EscrowLease.objects.get().free_tokens > 0
    assert list_headrooms([leaf], now=NOW)[leaf][-1].remaining == 990
    resize(leaf, amounts_of(990))
    assert reserved(root, leaf) == [1000, 1000]
    assert (Hold.objects.get(reference=plan_reference(leaf)).escrow, EscrowLease.objects.get().free_tokens) == (None, 0)
    assert list_ledger_differences() == []


def test_a_plan_draws_on_the_pool_and_gives_back_what_it_drew_in_vain():
    team = make_team()
    root = make_budget(team, 150, pool=Decimal(100), name="root")
    leaf = make_budget(team, 100, parent_id=root, overflow_percent=80, name="leaf")
    resize(leaf, amounts_of(130))
    assert (row(leaf).pooled, row(root).pool_drawn) == (30, 30)
    with pytest.raises(BudgetExhausted):
        resize(leaf, amounts_of(160))  # the pool would do, the root has no room
    assert (row(leaf).pooled, row(root).pool_drawn, reserved(root, leaf)) == (30, 30, [130, 130])
    assert list_ledger_differences() == []


def test_many_are_set_at_once_what_shrinks_first_and_refusals_cost_the_others_nothing():
    team = make_team()
    root = make_budget(team, 100, name="root")
    leaves = [make_budget(team, 100, parent_id=root, name=f"leaf {index}") for index in range(3)]
    resize(leaves[0], amounts_of(90))
    done = services.resize_holds(
        [target(leaves[1], 70), target(leaves[2], 50), target(leaves[0], 20)], actor="plan", now=NOW
    )
    assert [done.holds.get(plan_reference(each)) is not None for each in leaves] == [True, True, False]
    refused = done.refused[plan_reference(leaves[2])]
    assert (refused.budget_id, refused.needed, refused.remaining) == (root, 50, 10)
    assert reserved(root, *leaves) == [90, 20, 70, 0]
    assert not Hold.objects.filter(reference=plan_reference(leaves[2])).exists()
    assert list_ledger_differences() == []


def test_a_resize_tells_when_a_threshold_is_passed():
    (leaf,) = make_path(100)
    resize(leaf, amounts_of(90))
    assert {alert.level for alert in row(leaf).alerts.all()} == {75, 85}


def test_an_open_plan_hold_stays_reserved_where_a_period_turns():
    root, leaf = make_path(1000, 800, period=Period.DAY, rollover_percent=50)
    settle(hold(leaf, 100), 100)
    resize(leaf, amounts_of(300))
    resize(leaf, amounts_of(400), now=TOMORROW)
    assert (row(leaf).spent, reserved(root, leaf)) == (0, [400, 400])
    carved = carve(leaf, amounts_of(150), now=TOMORROW)
    services.settle_hold(hold_id=carved.hold_id, amounts=amounts_of(150), actor="test", now=TOMORROW)
    services.begin_due_periods(now=TOMORROW + timedelta(days=1))
    assert (row(leaf).spent, reserved(root, leaf)) == (0, [250, 250])
    assert list_ledger_differences() == []


def test_carving_moves_a_part_without_changing_what_any_budget_has_reserved():
    root, leaf = make_path(1000, 800)
    plan = resize(leaf, amounts_of(300, 5, 7, 9))
    carved = carve(leaf, amounts_of(100, 2, 3, 4))
    assert reserved(root, leaf) == [300, 300]
    kept, work = Hold.objects.get(pk=plan), Hold.objects.get(pk=carved.hold_id)
    assert (Amounts.in_columns(kept), kept.fence) == (amounts_of(200, 3, 4, 5), 2)
    assert Amounts.in_columns(work) == amounts_of(100, 2, 3, 4)
    assert (work.tokens, work.status, work.reference, work.actor) == (100, "reserved", "request:one", "somebody")
    assert sorted(work.lines.values_list("reserved", flat=True)) == [100, 100]
    assert list(work.ledger.values_list("reserved_delta", flat=True)) == [100, 100]
    assert list_ledger_differences() == []


def test_carved_work_is_settled_like_any_other():
    root, leaf = make_path(1000, 800)
    resize(leaf, amounts_of(300))
    carved = carve(leaf, amounts_of(100))
    fence = services.dispatch_hold(hold_id=carved.hold_id, lease_expires_at=LEASE, actor="test", now=NOW)
    services.settle_hold(hold_id=carved.hold_id, amounts=amounts_of(60), actor="test", now=NOW, fence=fence)
    assert ([row(each).spent for each in (root, leaf)], reserved(root, leaf)) == ([60, 60], [200, 200])
    assert list_ledger_differences() == []


def test_no_more_is_carved_than_the_plan_holds():
    (leaf,) = make_path(1000)
    with pytest.raises(Conflict) as none:
        carve(leaf, amounts_of(1))
    resize(leaf, amounts_of(100, carbon_ug=5, energy_uwh=5))
    for beyond in (amounts_of(10, carbon_ug=6), amounts_of(10, energy_uwh=6)):
        with pytest.raises(Conflict) as short:
            carve(leaf, beyond)
    assert (none.value.code, short.value.code, Hold.objects.count()) == ("not_covered", "not_covered", 1)
    carve(leaf, amounts_of(10))
    with pytest.raises(Conflict) as twice:
        carve(leaf, amounts_of(10))
    assert (twice.value.code, Hold.objects.get(reference=plan_reference(leaf)).tokens) == ("reference_in_use", 90)


def test_energy_of_a_plan_is_held_on_every_level_that_counts_it():
    team = make_team()
    hall = make_budget(team, 1, unit=Unit.ENERGY_WH)
    leaf = make_budget(team, 1000, parent_id=hall)
    resize(leaf, amounts_of(100, energy_uwh=600_000))
    assert reserved(hall, leaf) == [600_000, 100]
    with pytest.raises(BudgetExhausted) as refused:
        resize(leaf, amounts_of(100, energy_uwh=1_000_001))
    assert (refused.value.facts["budget"], refused.value.facts["unit"]) == (str(hall), "energy_wh")
    carve(leaf, amounts_of(10, energy_uwh=100_000))
    shrunk = amounts_of(20, energy_uwh=200_000)
    services.shrink_hold(reference=plan_reference(leaf), amounts=shrunk, actor="test", reason="withdrawn", now=NOW)
    assert reserved(hall, leaf) == [400_000, 80]
    assert list_ledger_differences() == []


def test_a_plan_hold_that_is_carved_up_is_over():
    (leaf,) = make_path(1000)
    plan = resize(leaf, amounts_of(100))
    services.carve_holds({plan_reference(leaf): [carving(50, "a"), carving(50, "b")]}, now=NOW)
    assert (Hold.objects.get(pk=plan).status, reserved(leaf)) == ("released", [100])
    assert list_ledger_differences() == []


def test_holds_of_many_plans_are_carved_together_or_not_at_all():
    team = make_team()
    one, other = make_budget(team, 1000, name="one"), make_budget(team, 1000, name="other")
    for leaf in (one, other):
        resize(leaf, amounts_of(100))
    with pytest.raises(Conflict) as refused:
        services.carve_holds(
            {plan_reference(one): [carving(10, "a")], plan_reference(other): [carving(101, "b")]}, now=NOW
        )
    assert refused.value.code == "not_covered"
    assert list_plan_holds([one])[one].amounts == amounts_of(100)
    holds = services.carve_holds(
        {plan_reference(one): [carving(10, "a"), carving(20, "b")], plan_reference(other): [carving(40, "c")]}, now=NOW
    )
    assert [Hold.objects.get(pk=holds[f"request:{name}"].hold_id).budget_id for name in "abc"] == [one, one, other]
    assert [list_plan_holds([leaf])[leaf].amounts for leaf in (one, other)] == [amounts_of(70), amounts_of(60)]
    assert (reserved(one), reserved(other), list_ledger_differences()) == ([100], [100], [])


def test_a_part_that_is_not_needed_goes_back_to_all_budgets():
    root, leaf = make_path(1000, 800)
    resize(leaf, amounts_of(300))
    services.shrink_hold(
        reference=plan_reference(leaf), amounts=amounts_of(120), actor="test", reason="withdrawn", now=NOW
    )
    assert (reserved(root, leaf), list_plan_holds([leaf])[leaf].amounts) == ([180, 180], amounts_of(180))
    services.shrink_hold(
        reference=plan_reference(leaf), amounts=amounts_of(500), actor="test", reason="withdrawn", now=NOW
    )
    assert (reserved(root, leaf), list_plan_holds([leaf])) == ([0, 0], {})
    assert list_ledger_differences() == []


def test_nobody_but_the_plan_moves_its_hold():
    (leaf,) = make_path(1000)
    plan = resize(leaf, amounts_of(100))
    for work in (
        partial(services.release_hold, hold_id=plan, actor="test", now=NOW),
        partial(services.settle_hold, hold_id=plan, amounts=amounts_of(1), actor="test", now=NOW),
        partial(services.dispatch_hold, hold_id=plan, lease_expires_at=LEASE, actor="test", now=NOW),
        partial(services.expire_hold, hold_id=plan, now=LEASE + timedelta(days=9)),
    ):
        with pytest.raises(Conflict) as refusal:
            work()
        assert refusal.value.code == "plan_hold"
    assert reserved(leaf) == [100]


def test_a_plan_hold_outlives_its_lease_and_is_no_work():
    (leaf,) = make_path(1000)
    resize(leaf, amounts_of(100))
    assert services.sweep_holds(now=LEASE + timedelta(days=9)) == 0
    assert (reserved(leaf), count_open_holds(team_ids=None)) == ([100], 0)


def test_headrooms_are_what_each_level_of_a_path_can_still_pay():
    root, leaf = make_path(1000, 800)
    resize(leaf, amounts_of(300))
    settle(hold(leaf, 50), 50)
    levels = list_headrooms([leaf], now=NOW)[leaf]
    assert [(level.budget_id, level.unit, level.remaining) for level in levels] == [
        (leaf, Unit.TOKENS, 450),
        (root, Unit.TOKENS, 650),
    ]


def test_a_period_that_is_over_but_not_turned_counts_as_the_turn_will_leave_it():
    _root, leaf = make_path(1000, 800, period="hour", rollover_percent=10)
    settle(hold(leaf, 500), 500)
    resize(leaf, amounts_of(100))
    soon = NOW + timedelta(hours=1)
    assert [each.remaining for each in list_headrooms([leaf], now=NOW)[leaf]] == [200, 400]
    shown = [each.remaining for each in list_headrooms([leaf], now=soon)[leaf]]
    assert shown == [800 + 30 - 100, 1000 + 50 - 100]
    services.begin_due_periods(now=soon)
    assert [each.remaining for each in list_headrooms([leaf], now=soon)[leaf]] == shown


# --- several at once -------------------------------------------------------------


def grow_and_shrink(leaves: list[UUID], seed: int) -> int:
    """Passes of plans, one after the other; how many targets were set."""
    done = 0
    for turn in range(12):
        ordered = leaves if (turn + seed) % 2 else leaves[::-1]
        targets = [target(leaf, (turn * 7 + seed * 5 + index) % 40) for index, leaf in enumerate(ordered)]
        done += len(services.resize_holds(targets, actor="plan", now=NOW).holds)
    return done


def hold_and_settle(leaf: UUID, name: str) -> int:
    done = 0
    for index in range(25):
        try:
            placed = services.place_hold(
                budget_id=leaf,
                amounts=amounts_of(5),
                reference=f"test:{name}:{index}",
                lease_expires_at=LEASE,
                actor="test",
                now=NOW,
            )
        except BudgetExhausted:
            continue
        services.settle_hold(hold_id=placed.hold_id, amounts=amounts_of(2), actor="test", now=NOW)
        done += 1
    return done


def carve_often(leaf: UUID, name: str) -> int:
    done = 0
    for index in range(25):
        try:
            carve(leaf, amounts_of(1), f"{name}:{index}")
            done += 1
        except Conflict:
            continue
    return done


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_plans_and_holds_that_change_the_same_paths_at_once_keep_the_books():
    team = make_team()
    root = make_budget(team, 300, name="root")
    leaves = [make_budget(team, 200, parent_id=root, name=f"leaf {index}", gear="leased") for index in range(4)]
    services.resize_holds([target(leaf, 10) for leaf in leaves], actor="plan", now=NOW)
    for leaf in leaves:
        hold(leaf, 1)
        escrow.tend(budget_id=leaf, amounts=amounts_of(1), asks_per_second=20.0, now=NOW)
    done = in_processes(
        [
            partial(grow_and_shrink, leaves, 0),
            partial(grow_and_shrink, leaves, 1),
            partial(hold_and_settle, leaves[0], "a"),
            partial(hold_and_settle, leaves[1], "b"),
            partial(carve_often, leaves[2], "c"),
        ]
    )
    assert all(done)
    assert list_ledger_differences() == []
    assert all(each.spent + each.reserved <= each.limit for each in Budget.objects.all())


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_who_make_the_same_plan_hold_one_makes_it_and_both_are_answered():
    (leaf,) = make_path(1000)
    made = in_processes([partial(resize, leaf, amounts_of(100)) for _ in range(4)])
    assert len(set(made)) == 1
    assert (reserved(leaf), Hold.objects.filter(reference=plan_reference(leaf)).count()) == ([100], 1)
    assert list_ledger_differences() == []
