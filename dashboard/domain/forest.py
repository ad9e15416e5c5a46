"""Budgets as trees, and what of them is looked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from budgets.domain.states import BudgetState


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What budgets are looked for; empty parts ask for nothing."""

    unit: str = ""
    band: str = ""
    text: str = ""

    def __bool__(self) -> bool:
        return bool(self.unit or self.band or self.text)

    def finds(self, state: BudgetState) -> bool:
        """Whether a budget is one of those looked for; text is sought in its name, team and level."""
        said = f"{state.name}\n{state.team_name}\n{state.level}".casefold()
        return (
            self.unit in ("", state.unit) and self.band in ("", state.status) and self.text.strip().casefold() in said
        )


@dataclass(slots=True, kw_only=True)
class Node:
    """A budget with those below it. `is_found` is False where it only leads to one that was looked for."""

    state: BudgetState
    is_found: bool = True
    children: list[Node] = field(default_factory=list)


def grow(states: Iterable[BudgetState], search: Search) -> list[Node]:
    """The roots of what is found, with their trees. `states` come in tree order, a parent before its children.

    A budget whose parent is not among them is a root. Those above a found one are kept, so that its
    place in the tree is seen.
    """
    nodes: dict[UUID, Node] = {}
    roots: list[Node] = []
    for state in states:
        node = nodes[state.id] = Node(state=state, is_found=search.finds(state))
        parent = nodes.get(state.parent_id) if state.parent_id else None
        (parent.children if parent else roots).append(node)
    return _pruned(roots)


def _pruned(nodes: list[Node]) -> list[Node]:
    kept = []
    for node in nodes:
        node.children = _pruned(node.children)
        if node.is_found or node.children:
            kept.append(node)
    return kept


def roots_of(states: Iterable[BudgetState]) -> list[BudgetState]:
    """Those whose parent is not among them: summing these counts nothing twice."""
    every = list(states)
    known = {state.id for state in every}
    return [state for state in every if state.parent_id not in known]
