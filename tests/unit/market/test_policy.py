from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from config.kernel.terms import TermError
from market.domain.policy import UNSAID_ALLOCATION, AllocationTerms, read_terms
from tests.unit.market.examples import body


def test_the_shipped_policies_can_be_read():
    assert read_terms(body("default")).rate_usd_per_token["L"] == Decimal("0.000003")
    assert read_terms(body("seed-2025")).flat_kwh_per_token == Decimal("0.0001")


def test_a_missing_term_is_named():
    terms = body()
    del terms["justice"]["phi"]
    with pytest.raises(TermError) as refused:
        read_terms(terms)
    assert refused.value.key == "justice.phi"


def test_an_unknown_term_is_named():
    terms = body()
    terms["geographic"]["bonus_for_friends"] = 9
    with pytest.raises(TermError) as refused:
        read_terms(terms)
    assert refused.value.key == "geographic.bonus_for_friends"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("carbon_usd_per_t", "-1"),
        ("carbon_usd_per_t", "NaN"),
        ("carbon_usd_per_t", "Infinity"),
        ("carbon_usd_per_t", "much"),
        ("carbon_usd_per_t", True),
        ("carbon_usd_per_t", None),
        ("justice.phi", "1.5"),
        ("justice.kind", "lottery"),
        ("geographic.high_need", "2"),
        ("geographic.high_need", 0),
        ("maximum_age_minutes", 0),
        ("default_pue", 0.9),
        ("urgency.min", "1.2"),
        ("scarcity.max", "0.5"),
        ("renewable.paid_by_fund", "yes"),
        ("latency_km.interactive", 0),
        ("rate_usd_per_1k_tokens", 3),
        ("allocation.floor_share.public", 1.5),
        ("allocation.floor_share", 0.1),
        ("allocation.emergency_floor_multiplier", 0.5),
        ("allocation.carbon_budget_g_per_day", -1),
        ("allocation.gives_way_tiers", "commercial"),
        ("allocation.gives_way_tiers", ["gold"]),
        ("allocation.gives_way_tiers", ["public", "public"]),
        ("allocation.gives_way_tiers", [3]),
    ],
)
def test_a_term_that_cannot_be_meant_is_refused_by_name(path: str, value: Any):
    terms = body()
    inner: Any = terms
    *parents, last = path.split(".")
    for name in parents:
        inner = inner[name]
    inner[last] = value
    with pytest.raises(TermError) as refused:
        read_terms(terms)
    assert refused.value.key.startswith(path)


def test_a_body_that_is_no_object_is_refused():
    with pytest.raises(TermError):
        read_terms(["rates"])


def test_a_version_from_before_plans_has_no_floors_and_nobody_gives_way():
    old = body()
    del old["allocation"]
    terms = read_terms(old)
    assert terms.allocation == AllocationTerms()
    assert set(terms.allocation.floor_share.values()) == {0.0}
    assert (terms.allocation.gives_way_tiers, terms.allocation.carbon_budget_g_per_day) == ((), None)
    assert read_terms({**old, "allocation": UNSAID_ALLOCATION}) == terms


def test_a_version_that_speaks_of_plans_says_all_of_it():
    terms = body()
    del terms["allocation"]["gives_way_tiers"]
    with pytest.raises(TermError) as refused:
        read_terms(terms)
    assert refused.value.key == "allocation.gives_way_tiers"


def test_the_shipped_policies_give_essential_work_the_highest_floor_and_let_commercial_work_give_way():
    for name in ("default", "seed-2025"):
        allocation = read_terms(body(name)).allocation
        shares = allocation.floor_share
        assert shares["essential"] > shares["public"] > shares["research"] > shares["commercial"] == 0
        assert (allocation.gives_way_tiers, allocation.emergency_floor_multiplier) == (("commercial",), 2)
