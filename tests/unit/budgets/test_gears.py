"""The gear follows what is measured, does not flutter, and heeds what an administrator pinned."""

from __future__ import annotations

import pytest

from budgets.domain.gears import Gear, GearChoice, Load, choose_gear, shares_commits

QUIET = Load(asks_per_second=1, in_flight=1, wait_seconds=0.001)
CROWDED = Load(asks_per_second=30, in_flight=5, wait_seconds=0.002)
IN_BETWEEN = Load(asks_per_second=30, in_flight=1.6, wait_seconds=0.002)
HOT = Load(asks_per_second=100, in_flight=5, wait_seconds=0.02)
WARM = Load(asks_per_second=20, in_flight=1, wait_seconds=0.001)


def chosen(root, leaf, *, current=Gear.DIRECT, choice=GearChoice.AUTO, levels=4):
    return choose_gear(choice=choice, current=current, levels=levels, root=root, leaf=leaf)


def test_a_quiet_budget_goes_directly():
    assert chosen(QUIET, QUIET) is Gear.DIRECT


def test_asks_that_meet_at_a_root_share_commits_until_they_rarely_meet():
    assert chosen(CROWDED, QUIET) is Gear.BATCHED
    assert chosen(IN_BETWEEN, QUIET) is Gear.DIRECT
    assert chosen(IN_BETWEEN, QUIET, current=Gear.BATCHED) is Gear.BATCHED
    assert chosen(QUIET, QUIET, current=Gear.BATCHED) is Gear.DIRECT


def test_a_hot_leaf_that_waits_for_others_gets_a_block_until_it_has_cooled():
    assert chosen(HOT, HOT) is Gear.LEASED
    assert chosen(QUIET, HOT) is Gear.DIRECT
    assert chosen(QUIET, WARM) is Gear.DIRECT
    assert chosen(QUIET, WARM, current=Gear.LEASED) is Gear.LEASED
    assert chosen(QUIET, QUIET, current=Gear.LEASED) is Gear.DIRECT


def test_a_root_has_nobody_to_hold_a_block_at():
    assert chosen(HOT, HOT, levels=1) is Gear.BATCHED
    assert chosen(QUIET, QUIET, levels=1, choice=GearChoice.LEASED) is Gear.DIRECT


@pytest.mark.parametrize("choice", [GearChoice.DIRECT, GearChoice.BATCHED, GearChoice.LEASED])
def test_a_pinned_gear_wins(choice):
    assert {chosen(load, load, choice=choice).value for load in (QUIET, CROWDED, HOT)} == {choice.value}


def test_who_takes_from_a_block_shares_commits_where_many_do_at_once():
    assert shares_commits(Gear.BATCHED, QUIET)
    assert shares_commits(Gear.LEASED, HOT)
    assert not shares_commits(Gear.LEASED, QUIET)
    assert not shares_commits(Gear.DIRECT, HOT)
