"""What a CSV of registry units must say, and how it is told what is wrong."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.domain.trading.registry import (
    COLUMNS,
    EXAMPLE,
    MOST_BLOCKS,
    BadRows,
    UnitBlock,
    missing_of,
    read_csv,
    read_rows,
)

TODAY = date(2026, 3, 4)
ROW = {"registry": "Verra", "serial_prefix": "VCU-", "serial_first": "1", "serial_last": "10"}


def errors_of(*rows: dict[str, str]) -> list[str]:
    with pytest.raises(BadRows) as refused:
        read_rows(rows, today=TODAY)
    return [str(each) for each in refused.value.errors]


def test_the_example_is_a_verified_block():
    (block,) = read_csv(EXAMPLE, today=TODAY)

    assert missing_of(block) == ()
    assert (block.serial_first, block.serial_last, block.retired_on) == (5001, 5400, date(2026, 2, 15))


def test_a_block_without_its_retirement_says_what_is_missing():
    (block,) = read_rows([ROW], today=TODAY)

    assert {"retired_on", "retirement_beneficiary", "vintage"} <= set(missing_of(block))


def test_registry_and_prefix_have_one_spelling():
    (block,) = read_rows([{**ROW, "registry": " verra ", "serial_prefix": "vcu-"}], today=TODAY)

    assert (block.registry, block.serial_prefix) == ("VERRA", "VCU-")


def test_every_fault_names_its_row_and_column():
    found = errors_of(
        ROW,
        {**ROW, "serial_first": "x", "vintage": "1960"},
        {**ROW, "serial_prefix": "P-", "serial_first": "9", "serial_last": "8"},
        {**ROW, "serial_prefix": "Q-", "retired_on": "2026-03-05"},
        {**ROW, "serial_prefix": "Q-0", "registry": ""},
    )

    assert found == [
        "Row 2, serial_first: x is not a whole number from 0 to 1000000000000000000",
        "Row 2, vintage: 1960 is not a whole number from 1990 to 2026",
        "Row 3, serial_last: is below 9, where the block begins",
        "Row 4, retired_on: has not come yet",
        "Row 5, registry: is empty",
        "Row 5, serial_prefix: ends in a digit: it ends where the number begins",
    ]


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"serial_last": "9" * 5_000}, "serial_last"),
        ({"serial_first": "-1"}, "serial_first"),
        ({"serial_first": "1e3"}, "serial_first"),
        ({"serial_first": "NaN"}, "serial_first"),
        ({"serial_first": "\u0661"}, "serial_first"),
        ({"serial_last": str(10**9 + 1)}, "serial_last"),
        ({"vintage": "9" * 5_000}, "vintage"),
        ({"retired_on": "15.02.2026"}, "retired_on"),
        ({"project_name": "Wind\x00farm"}, "project_name"),
        ({"project_name": "Wind\u202efarm"}, "project_name"),
        ({"project_name": "W" * 201}, "project_name"),
    ],
)
def test_a_cell_that_cannot_be_meant_is_refused_by_its_name(changes, column):
    (found,) = errors_of({**ROW, **changes})

    assert found.startswith(f"Row 1, {column}: ")


def test_a_file_of_too_many_blocks_is_refused_as_a_whole():
    lines = "".join(f"V,P-,{number},{number}\n" for number in range(MOST_BLOCKS + 1))

    with pytest.raises(BadRows, match=f"has {MOST_BLOCKS + 1} blocks"):
        read_csv("registry,serial_prefix,serial_first,serial_last\n" + lines, today=TODAY)


def test_zeros_before_a_serial_number_and_a_mark_of_byte_order_change_nothing():
    plain = "registry,serial_prefix,serial_first,serial_last\nV,P-,{},9\n"

    assert read_csv("\ufeff" + plain.format("0001"), today=TODAY) == read_csv(plain.format("1"), today=TODAY)


def test_units_cannot_be_of_a_year_after_their_retirement():
    assert errors_of({**ROW, "vintage": "2026", "retired_on": "2025-06-01"}) == [
        "Row 1, vintage: is after the year of the retirement"
    ]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "holds no blocks"),
        (",".join(COLUMNS), "holds no blocks"),
        ("registry,serial_prefix,serial_first\nV,P-,1", "has no column serial_last"),
        ("registry,serial_prefix,serial_first,serial_last,price\nV,P-,1,2,3", "has a column price"),
        ("registry,registry,serial_prefix,serial_first,serial_last\nV,V,P-,1,2", "has the column registry twice"),
        ("registry,serial_prefix,serial_first,serial_last\nV,P-,1", "has 3 cells"),
        (EXAMPLE + '"' + "never closed " * 20_000, "is no CSV"),
    ],
)
def test_a_file_of_another_shape_is_refused(text, word):
    with pytest.raises(BadRows, match=word):
        read_csv(text, today=TODAY)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=8))
def test_a_file_is_refused_exactly_if_a_serial_number_is_in_two_of_its_blocks(spans):
    rows = [{**ROW, "serial_first": str(first), "serial_last": str(first + more)} for first, more in spans]
    numbers = [number for first, more in spans for number in range(first, first + more + 1)]

    if len(numbers) == len(set(numbers)):
        assert len(read_rows(rows, today=TODAY)) == len(rows)
    else:
        assert "overlaps with row" in "".join(errors_of(*rows))


def test_blocks_of_different_series_never_overlap():
    one = UnitBlock(registry="A", serial_prefix="P-", serial_first=1, serial_last=9)
    other = UnitBlock(registry="A", serial_prefix="Q-", serial_first=1, serial_last=9)

    assert not one.overlaps(other)
    assert one.overlaps(one)
