from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from budgets.domain.levels import Level
from budgets.domain.templates import parse_nodes
from budgets.domain.units import Unit
from config.kernel.errors import InvalidInput


def test_nodes_are_read_with_all_that_stands_in_them():
    (top,) = parse_nodes(
        [
            {
                "name": "top",
                "limit": "1.5",
                "pool": 1,
                "warning_amounts": [1],
                "children": [{"name": "leaf", "limit": 1, "level": "phase", "overflow_percent": 10, "floor": 1}],
            }
        ],
        Unit.CARBON_G,
    )
    assert (top.limit, top.pool, top.warning_amounts, top.level) == (Decimal("1.5"), 1, (1,), None)
    (leaf,) = top.children
    assert (leaf.name, leaf.level, leaf.overflow_percent, leaf.floor) == ("leaf", Level.PHASE, 10, 1)


@pytest.mark.parametrize(
    "nodes",
    [
        None,
        [],
        {},
        ["x"],
        [{}],
        [{"name": "a"}],
        [{"name": "", "limit": 1}],
        [{"name": 5, "limit": 1}],
        [{"name": "a", "limit": 0}],
        [{"name": "a", "limit": -1}],
        [{"name": "a", "limit": True}],
        [{"name": "a", "limit": "much"}],
        [{"name": "a", "limit": "Infinity"}],
        [{"name": "a", "limit": 1.5}],
        [{"name": "a", "limit": 1, "level": "galaxy"}],
        [{"name": "a", "limit": 1, "level": ["team"]}],
        [{"name": "a", "limit": 1, "unknown": 1}],
        [{"name": "a", "limit": 1, "pool": 2}],
        [{"name": "a", "limit": 1, "floor": 2}],
        [{"name": "a", "limit": 1, "overflow_percent": 1001}],
        [{"name": "a", "limit": 1, "overflow_percent": "5"}],
        [{"name": "a", "limit": 9, "warning_amounts": [5, 5]}],
        [{"name": "a", "limit": 9, "warning_amounts": 5}],
        [{"name": "a", "limit": 1}, {"name": "a", "limit": 1}],
        [{"name": "a", "limit": 1, "children": {}}],
        [{"name": f"{n}", "limit": 1} for n in range(201)],
    ],
)
def test_nodes_that_cannot_be_are_refused(nodes: Any):
    with pytest.raises(InvalidInput) as refused:
        parse_nodes(nodes, Unit.TOKENS)
    assert refused.value.field == "nodes"


def test_a_template_is_no_deeper_than_a_tree():
    node: dict[str, Any] = {"name": "leaf", "limit": 1}
    for _ in range(7):
        node = {"name": "above", "limit": 1, "children": [node]}
    with pytest.raises(InvalidInput):
        parse_nodes([node], Unit.TOKENS)
    parse_nodes(node["children"], Unit.TOKENS)
