"""How complex a task is, and the tokens that it is expected to need by component."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sessions_app.domain.terms import Needs
from sessions_app.domain.words import Component

SIMPLE, MODERATE, COMPLEX = "simple", "moderate", "complex"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A task in points, the size that they make, and the tokens of each component."""

    points: int
    size: str
    tokens: Mapping[Component, int]

    @property
    def total_tokens(self) -> int:
        """Of all components."""
        return sum(self.tokens.values())


def predicted_need(task: Mapping[str, int], needs: Needs) -> Need:
    """What a task of so many `files`, `agents` and `minutes` is expected to need."""
    points = (
        needs.points_per_file * task.get("files", 0)
        + needs.points_per_agent * task.get("agents", 0)
        + needs.points_per_minute * task.get("minutes", 0)
    )
    size = SIMPLE if points < needs.moderate_from else MODERATE if points < needs.complex_from else COMPLEX
    return Need(points=points, size=size, tokens=needs.tokens[size])


def missing_tokens(need: Need, held: Mapping[str, int]) -> int:
    """What components that hold `held` tokens still lack of the need: free so much before the task begins."""
    return sum(max(0, tokens - held.get(component, 0)) for component, tokens in need.tokens.items())
