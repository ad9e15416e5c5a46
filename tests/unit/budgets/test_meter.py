"""What a process asks of its budgets decides how the next ask goes."""

from __future__ import annotations

from contextlib import ExitStack
from uuid import uuid4

from budgets.domain.gears import Gear, GearChoice
from budgets.services.holds.meter import Meter


def test_the_first_ask_of_a_leaf_goes_directly():
    with Meter().measured(uuid4()) as way:
        assert (way.gear, way.queue) == (Gear.DIRECT, None)


def test_asks_that_meet_share_the_commits_of_their_root_also_from_different_leaves():
    meter, root, leaves = Meter(), uuid4(), [uuid4(), uuid4()]
    for leaf in leaves:
        meter.learn(leaf, (leaf, root), GearChoice.AUTO)
    with ExitStack() as under_way:
        ways = [under_way.enter_context(meter.measured(leaves[index % 2])) for index in range(40)]
    assert ways[0].gear is Gear.DIRECT
    assert (ways[-1].gear, ways[-1].queue) == (Gear.BATCHED, root)


def test_a_pin_is_learned_from_the_last_answer():
    meter, leaf, root = Meter(), uuid4(), uuid4()
    meter.learn(leaf, (leaf, root), GearChoice.AUTO)
    meter.learn(leaf, (leaf, root), GearChoice.LEASED)
    with meter.measured(leaf) as way:
        assert way.gear is Gear.LEASED


def test_a_quiet_leaf_is_asked_rarely_and_alone_even_if_the_work_fails():
    meter, leaf = Meter(), uuid4()
    meter.learn(leaf, (leaf,), GearChoice.AUTO)
    for _ in range(20):
        try:
            with meter.measured(leaf):
                raise RuntimeError
        except RuntimeError:
            pass
    with meter.measured(leaf) as way:
        assert way.gear is Gear.DIRECT
