"""Budgets as trees, and what of them is looked for."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from budgets.domain.states import BudgetState
from dashboard.domain.forest import Search, grow, roots_of
from tests.unit.dashboard.test_rows import budget


def state(number: int, parent: int | None = None, **changes) -> BudgetState:
    made = budget(number, used_percent=10, status="ok")
    return replace(made, parent_id=UUID(int=parent) if parent else None, **changes)


def names(nodes) -> list:
    return [(node.state.name, node.is_found, names(node.children)) for node in nodes]


def test_children_are_below_their_parents_and_orphans_are_roots():
    grown = grow([state(1), state(2, 1), state(3, 2), state(4, 99)], Search())
    assert names(grown) == [("b1", True, [("b2", True, [("b3", True, [])])]), ("b4", True, [])]


def test_what_is_found_keeps_the_way_to_it_and_nothing_else():
    states = [state(1), state(2, 1, name="Writer"), state(3, 1), state(4, name="WRITERS"), state(5)]
    assert names(grow(states, Search(text=" writer "))) == [
        ("b1", False, [("Writer", True, [])]),
        ("WRITERS", True, []),
    ]


def test_every_part_of_a_search_must_hold():
    one = state(1, status="warn", team_name="Floods", level="session")
    assert Search(unit="tokens", band="warn", text="floods").finds(one)
    assert Search(text="session").finds(one)
    assert not Search(unit="carbon_g", band="warn").finds(one)
    assert not Search(unit="tokens", band="ok").finds(one)
    assert not Search()
    assert Search(band="ok")


def test_a_root_is_what_has_no_parent_among_those_seen():
    assert [each.name for each in roots_of([state(1), state(2, 1), state(3, 99)])] == ["b1", "b3"]
