"""Who sits at a round table."""

from __future__ import annotations

import pytest

from sessions_app.domain.gateway.table import Table, TableError

ANA = {"name": "ana", "model": "m1", "serves": ["safety", "speed"]}
BEN = {"name": "ben", "model": "m2", "role": "critic"}
VALUES = {"safety": 0.5, "speed": 0.3, "cost": 0.2}


def test_the_priority_of_a_member_is_the_weight_of_what_it_serves():
    table = Table.seat([ANA, BEN], values=VALUES)
    assert table.priorities == {"ana": pytest.approx(0.8), "ben": 0.0}
    assert table.reflective_model == "m1"
    assert Table.read(table.facts) == table


@pytest.mark.parametrize(
    ("members", "values", "name"),
    [
        ([ANA], VALUES, "members"),
        ([ANA, ANA], VALUES, "members"),
        ([ANA, {**BEN, "serves": ["beauty"]}], VALUES, "members"),
        ([ANA, {"name": " ", "model": "m"}], VALUES, "members"),
        ([ANA, BEN], {"safety": 0.5, "speed": 0.3}, "values"),
        ([ANA, BEN], {"safety": 1.5, "speed": -0.5}, "values"),
    ],
)
def test_a_table_at_which_nobody_can_sit_names_what_is_wrong(members, values, name):
    with pytest.raises(TableError) as caught:
        Table.seat(members, values=values)
    assert caught.value.name == name
