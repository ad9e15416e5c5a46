"""Complexity of a task, and the tokens that it is expected to need."""

from __future__ import annotations

import pytest

from sessions_app.domain.needs import missing_tokens, predicted_need
from sessions_app.domain.words import Component
from tests.unit.sessions_app.test_windows import TERMS


@pytest.mark.parametrize(
    ("task", "points", "size", "total"),
    [
        ({}, 0, "simple", 15_000),
        ({"files": 2, "agents": 1, "minutes": 4}, 48, "simple", 15_000),
        ({"files": 3, "agents": 1}, 50, "moderate", 55_000),
        ({"files": 5, "agents": 4, "minutes": 9}, 148, "moderate", 55_000),
        ({"files": 5, "agents": 5}, 150, "complex", 110_000),
    ],
)
def test_a_task_is_sized_by_its_files_agents_and_minutes(task, points, size, total):
    need = predicted_need(task, TERMS.needs)
    assert (need.points, need.size, need.total_tokens) == (points, size, total)


def test_what_a_component_lacks_is_not_made_up_for_by_what_another_has_too_much():
    need = predicted_need({}, TERMS.needs)
    held = {Component.WORKING_MEMORY: 50_000, Component.AGENT: 1_000}
    assert missing_tokens(need, held) == 4_000
