"""Proposals and the figures they rest on."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sessions_app
from sessions_app.domain.analysis import (
    EMERGENCIES,
    REFUSALS,
    STRATEGIES,
    BudgetFacts,
    Evidence,
    Refused,
    adapted_shares,
    is_enough,
    metric_of,
    suggest,
)
from sessions_app.domain.terms import SessionTerms
from sessions_app.domain.words import Component

POLICIES = json.loads((Path(sessions_app.__file__).parent / "data/policies.json").read_text(encoding="utf-8"))
TERMS = SessionTerms.read(POLICIES["default"]["body"])
KNOWLEDGE, AGENT = Component.KNOWLEDGE, Component.AGENT


def _refused(count, missing=100, component=KNOWLEDGE):
    return [Refused(component=component, missing_tokens=missing, base_tokens=10_000)] * count


def test_a_session_without_trouble_gets_no_proposals():
    assert suggest(Evidence(calls=500, allocations=100), TERMS) == []


def test_three_exhaustions_are_borne_and_four_give_five_points_more():
    assert suggest(Evidence(allocations=50, refusals=_refused(3)), TERMS) == []
    (found,) = suggest(Evidence(allocations=50, refusals=_refused(4), component_use={AGENT: 0.2}), TERMS)
    assert (found.kind, found.before["shares.percent.knowledge"]) == ("shares", 20)
    assert found.after == {
        "shares.percent.system": 10,
        "shares.percent.working_memory": 30,
        "shares.percent.knowledge": 25,
        "shares.percent.agent": 10,
        "shares.percent.interaction": 25,
    }
    assert found.expected == {"metric": REFUSALS, "before": 8.0, "after": 0.0}


def test_what_still_would_not_fit_is_expected_to_be_refused_again():
    refusals = [*_refused(4, missing=100), *_refused(2, missing=9000)]
    (found,) = suggest(Evidence(allocations=60, refusals=refusals), TERMS)
    assert (found.expected["before"], found.expected["after"]) == (10.0, 3.33)


def test_room_that_nobody_uses_is_not_taken_where_nobody_lacks_any():
    assert suggest(Evidence(calls=100, component_use=dict.fromkeys(Component, 0.1)), TERMS) == []


@given(
    st.dictionaries(st.sampled_from(list(Component)), st.integers(0, 9)),
    st.dictionaries(st.sampled_from(list(Component)), st.one_of(st.none(), st.floats(0, 1))),
    st.lists(st.integers(0, 7), min_size=0, max_size=7),
)
def test_shares_stay_within_their_bounds_and_sum_to_a_hundred(exhaustions, use, rounds):
    shares = TERMS.shares
    for _ in range(len(rounds) + 1):
        shares = replace(shares, percent=adapted_shares(shares, exhaustions, use))
        assert sum(shares.percent.values()) == 100
        assert all(5 <= each <= 50 for each in shares.percent.values())


def test_more_than_three_emergencies_move_the_ladder_down():
    evidence = Evidence(calls=100, emergencies=5, growth_percents=[1.0] * 90 + [12.0] * 8 + [18.0] * 2)
    (found,) = suggest(evidence, TERMS)
    assert (found.kind, found.subject) == ("thresholds", "ladder")
    assert found.after == {
        "ladder.warn_percent": 70,
        "ladder.offload_percent": 75,
        "ladder.checkpoint_percent": 80,
    }
    assert found.expected == {"metric": EMERGENCIES, "before": 5.0, "after": 1.0}


def test_the_ladder_does_not_sink_below_where_a_perpetual_window_compacts():
    low = replace(TERMS.ladder, warn_percent=22)
    assert suggest(Evidence(calls=100, emergencies=9), replace(TERMS, ladder=low)) == []


def test_where_every_call_makes_a_checkpoint_they_are_made_every_second_call():
    (found,) = suggest(Evidence(calls=40, checkpoints=38, call_tokens=2300), TERMS)
    assert (found.subject, found.after) == ("checkpoints", {"checkpoints.every_tokens": 5000})
    assert suggest(Evidence(calls=40, checkpoints=38, call_tokens=700), TERMS) == []


def test_what_frees_most_comes_first_within_its_class_of_harm():
    runs = [{"drop_duplicates": 10, "drop_debug": 500, "evict_least_recent": 9000}] * 3
    runs += [{"drop_duplicates": 10, "drop_debug": 500}] * 4
    (found,) = suggest(Evidence(cleanups=runs), TERMS)
    order = found.after["cleanup.order"]
    assert order.index("drop_debug") < order.index("drop_duplicates") < order.index("evict_least_recent")
    assert sorted(order) == sorted(TERMS.cleanup.order)
    assert order[-1] == "evict_least_recent"
    assert found.expected["after"] < found.expected["before"]


def test_an_order_that_saves_nothing_is_not_proposed():
    runs = [{"drop_duplicates": 500, "drop_debug": 10}] * 9
    assert suggest(Evidence(cleanups=runs), TERMS) == []


def test_a_critical_budget_gets_five_percent_more():
    budget = BudgetFacts(id="b", name="swarm", limit=Decimal(1000), used_percent=90.0, is_critical=True)
    (found,) = suggest(Evidence(budgets=[budget]), TERMS)
    assert (found.kind, found.subject, found.after) == ("budget", "b", {"limit": "1050"})
    assert found.expected["after"] == 85.7
    assert suggest(Evidence(budgets=[replace(budget, is_critical=False)]), TERMS) == []
    assert suggest(Evidence(budgets=[replace(budget, limit=Decimal(3))]), TERMS) == []


def test_every_proposal_is_a_policy_that_can_be_read():
    evidence = Evidence(
        calls=100,
        call_tokens=3000,
        emergencies=5,
        checkpoints=90,
        allocations=100,
        refusals=_refused(9),
        cleanups=[{"drop_duplicates": 10, "drop_debug": 500}] * 9,
    )
    found = suggest(evidence, TERMS)
    assert [each.kind for each in found] == ["shares", "thresholds", "thresholds", "cleanup"]
    body = json.loads(json.dumps(POLICIES["default"]["body"]))
    for key, value in (item for each in found for item in each.after.items()):
        *sections, name = key.split(".")
        place = body
        for section in sections:
            place = place[section]
        place[name] = value
    assert SessionTerms.read(body) != TERMS


@pytest.mark.parametrize("name", [REFUSALS, EMERGENCIES, STRATEGIES])
def test_nothing_measured_is_unknown_and_not_enough(name):
    assert metric_of(name, Evidence()) is None
    assert not is_enough(name, Evidence())
