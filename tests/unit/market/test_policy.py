from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from market.domain.policy import PolicyError, read_terms
from tests.unit.market.examples import body


def test_the_shipped_policies_can_be_read():
    assert read_terms(body("default")).rate_usd_per_token["L"] == Decimal("0.000003")
    assert read_terms(body("seed-2025")).flat_kwh_per_token == Decimal("0.0001")


def test_a_missing_term_is_named():
    terms = body()
    del terms["justice"]["phi"]
    with pytest.raises(PolicyError) as refused:
        read_terms(terms)
    assert refused.value.key == "justice.phi"


def test_an_unknown_term_is_named():
    terms = body()
    terms["geographic"]["bonus_for_friends"] = 9
    with pytest.raises(PolicyError) as refused:
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
    ],
)
def test_a_term_that_cannot_be_meant_is_refused_by_name(path: str, value: Any):
    terms = body()
    inner: Any = terms
    *parents, last = path.split(".")
    for name in parents:
        inner = inner[name]
    inner[last] = value
    with pytest.raises(PolicyError) as refused:
        read_terms(terms)
    assert refused.value.key.startswith(path)


def test_a_body_that_is_no_object_is_refused():
    with pytest.raises(PolicyError):
        read_terms(["rates"])
