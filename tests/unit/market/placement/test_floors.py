from __future__ import annotations

import numpy as np
import pytest

from market.domain.placement.floors import Claimant, floors
from market.domain.policy import AllocationTerms
from tests.unit.market.examples import terms

SHIPPED = terms().allocation


def claimant(origin="BD", purpose="climate_adaptation", tier="essential", is_lifted=False):
    return Claimant(origin=origin, purpose=purpose, tier=tier, is_lifted=is_lifted)


def test_a_floor_is_the_share_of_the_tier_of_what_is_free():
    each = [claimant(tier=tier, purpose=tier) for tier in ("essential", "public", "research", "commercial")]
    assert floors(each, SHIPPED, free_tokens=10_000).tolist() == [100, 50, 25, 0]


def test_an_emergency_raises_the_floor_of_what_it_lifts_and_of_nothing_else():
    both = [claimant(is_lifted=True), claimant(origin="DE")]
    assert floors(both, SHIPPED, free_tokens=10_000).tolist() == [200, 100]


def test_work_without_a_floor_has_none_in_an_emergency_either():
    assert floors([claimant(tier="commercial", is_lifted=True)], SHIPPED, free_tokens=10_000).tolist() == [0]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_asking_under_several_policies_or_headquarters_gives_no_more(count):
    split = floors([claimant()] * count, SHIPPED, free_tokens=10_000)
    assert split.sum() == pytest.approx(floors([claimant()], SHIPPED, free_tokens=10_000).sum())


def test_a_version_from_before_plans_guarantees_nothing():
    assert not np.any(floors([claimant(), claimant(is_lifted=True)], AllocationTerms(), free_tokens=10_000))


def test_nobody_is_an_empty_list():
    assert floors([], SHIPPED, free_tokens=10_000).shape == (0,)
