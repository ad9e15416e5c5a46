"""Units of carbon registries: what a block is, when it counts as verified, and how a CSV of blocks is read.

A unit is a tonne CO2e that a registry has issued under a serial number. It covers what an offer will emit
only once it is retired, with everything on record that lets others look it up. Avoided emissions that
Commonwatt estimates are no units and never become any.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from io import StringIO

MOST_BLOCKS = 5_000
MOST_UNITS_IN_BLOCK = 1_000_000_000
LARGEST_SERIAL = 10**18
MOST_DIGITS = 40
"""Zeros before a serial number are read over; longer text is no number that a registry gives."""
EARLIEST_VINTAGE = 1990


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitBlock:
    """Units with consecutive serial numbers, first and last included. Empty or None: not said."""

    registry: str
    serial_prefix: str
    serial_first: int
    serial_last: int
    project_id: str = ""
    project_name: str = ""
    vintage: int | None = None
    methodology: str = ""
    verification_body: str = ""
    retirement_beneficiary: str = ""
    retirement_reason: str = ""
    retired_on: date | None = None

    @property
    def serials(self) -> tuple[str, str, int, int]:
        """What tells it from every other block."""
        return self.registry, self.serial_prefix, self.serial_first, self.serial_last

    @property
    def name(self) -> str:
        """Registry and serial numbers, as people cite them."""
        return f"{self.registry} {self.serial_prefix}{self.serial_first} to {self.serial_last}"

    def overlaps(self, other: UnitBlock) -> bool:
        """Whether a serial number is in both."""
        same_series = (self.registry, self.serial_prefix) == (other.registry, other.serial_prefix)
        return same_series and self.serial_first <= other.serial_last and other.serial_first <= self.serial_last


COLUMNS = tuple(each.name for each in fields(UnitBlock))
LONGEST = {
    "registry": 60,
    "serial_prefix": 120,
    "project_id": 60,
    "project_name": 200,
    "methodology": 120,
    "verification_body": 200,
    "retirement_beneficiary": 200,
    "retirement_reason": 300,
}
"""Characters that a column holds."""
NEEDED_TO_VERIFY = (
    "project_id",
    "project_name",
    "vintage",
    "methodology",
    "verification_body",
    "retirement_beneficiary",
    "retirement_reason",
    "retired_on",
)
EXAMPLE = (
    ",".join(COLUMNS)
    + "\nVERRA,12345-100200-VCS-VCU-1-,5001,5400,VCS-0934,Example wind farm,2023,ACM0002,Example Verification Ltd,"
    "Flood desk,Cover for offers of quota,2026-02-15\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """What is wrong with one cell. Rows count from 1, without the line of names; 0 is that line."""

    row: int
    column: str
    detail: str

    def __str__(self) -> str:
        return f"Row {self.row}, {self.column}: {self.detail}" if self.row else f"{self.column}: {self.detail}"


class BadRows(ValueError):
    """A file or list of blocks of which nothing is taken."""

    def __init__(self, errors: Sequence[RowError]):
        super().__init__("; ".join(map(str, errors[:20])))
        self.errors = tuple(errors)


def missing_of(block: object) -> tuple[str, ...]:
    """The columns that are still empty and must not be for a block (or its row) to count as verified."""
    return tuple(name for name in NEEDED_TO_VERIFY if not getattr(block, name))


def read_csv(text: str, *, today: date) -> list[UnitBlock]:
    """Blocks of a CSV whose first line names the columns. Raises BadRows naming every row and column at fault."""
    try:
        lines = [cells for cells in csv.reader(StringIO(text.removeprefix("\ufeff"))) if any(cells)]
    except csv.Error as error:  # a cell of more than 128 KiB, mostly because a quotation mark is not closed
        raise BadRows([RowError(row=0, column="file", detail=f"is no CSV: {error}")]) from error
    if len(lines) < 2:
        raise BadRows([RowError(row=0, column="file", detail="holds no blocks")])
    names = [name.strip() for name in lines[0]]
    wrong = [f"has no column {name}" for name in COLUMNS[:4] if name not in names]
    wrong += [f"has a column {name or '(empty)'}, which is not known" for name in names if name not in COLUMNS]
    wrong += [f"has the column {name} twice" for name in sorted({each for each in names if names.count(each) > 1})]
    if wrong:
        raise BadRows([RowError(row=0, column="file", detail=detail) for detail in wrong])
    uneven = [
        RowError(row=row, column="row", detail=f"has {len(cells)} cells, the first line has {len(names)}")
        for row, cells in enumerate(lines[1:], start=1)
        if len(cells) != len(names)
    ]
    if uneven:
        raise BadRows(uneven)
    return read_rows([dict(zip(names, cells, strict=True)) for cells in lines[1:]], today=today)


def read_rows(rows: Sequence[Mapping[str, object]], *, today: date) -> list[UnitBlock]:
    """Blocks of rows of cells: text, numbers, dates or nothing. Raises BadRows; all rows are good or none is taken."""
    if len(rows) > MOST_BLOCKS:
        raise BadRows([RowError(row=0, column="file", detail=f"has {len(rows)} blocks; at most {MOST_BLOCKS} can be")])
    errors: list[RowError] = []
    blocks: list[tuple[int, UnitBlock]] = []
    for row, cells in enumerate(rows, start=1):
        found = _Cells(row, cells, today)
        block = found.block()
        errors += found.errors
        if not found.errors:
            blocks.append((row, block))
    errors += _overlapping(blocks)
    if errors:
        raise BadRows(sorted(errors, key=lambda each: each.row))
    return [block for _, block in blocks]


def _overlapping(blocks: Iterable[tuple[int, UnitBlock]]) -> list[RowError]:
    """Of blocks in the order of their numbers, only neighbours can overlap first."""
    errors: list[RowError] = []
    furthest: tuple[int, UnitBlock] | None = None
    for row, block in sorted(blocks, key=lambda each: each[1].serials):
        if furthest and block.overlaps(furthest[1]):
            errors.append(RowError(row=row, column="serial_first", detail=f"overlaps with row {furthest[0]}"))
        if not furthest or not block.overlaps(furthest[1]) or block.serial_last > furthest[1].serial_last:
            furthest = row, block
    return errors


class _Cells:
    """Takes the values out of one row and remembers what is wrong with it."""

    def __init__(self, row: int, cells: Mapping[str, object], today: date):
        self._row = row
        self._cells = cells
        self._today = today
        self.errors: list[RowError] = []

    def block(self) -> UnitBlock:
        """The block; of use only where nothing was wrong."""
        first, last = self._serial("serial_first"), self._serial("serial_last")
        if not self.errors and last < first:
            self._refuse("serial_last", f"is below {first}, where the block begins")
        elif not self.errors and last - first >= MOST_UNITS_IN_BLOCK:
            self._refuse("serial_last", f"makes the block larger than {MOST_UNITS_IN_BLOCK:,} units")
        block = UnitBlock(
            # One spelling: the same series twice must not pass for two.
            registry=self._text("registry", is_needed=True).upper(),
            serial_prefix=self._prefix(),
            serial_first=first,
            serial_last=last,
            vintage=self._vintage(),
            retired_on=self._retired_on(),
            **{name: self._text(name) for name in LONGEST if name not in ("registry", "serial_prefix")},
        )
        if block.vintage and block.retired_on and block.vintage > block.retired_on.year:
            self._refuse("vintage", "is after the year of the retirement")
        return block

    def _refuse(self, column: str, detail: str) -> None:
        self.errors.append(RowError(row=self._row, column=column, detail=detail))

    def _cell(self, column: str) -> str:
        value = self._cells.get(column)
        return "" if value is None else " ".join(str(value).split())

    def _text(self, column: str, *, is_needed: bool = False) -> str:
        value = self._cell(column)
        if is_needed and not value:
            self._refuse(column, "is empty")
        if len(value) > LONGEST[column]:
            self._refuse(column, f"is longer than {LONGEST[column]} characters")
        if not value.isprintable():
            self._refuse(column, "holds a character that cannot be read")
        return value

    def _prefix(self) -> str:
        """What stands before the numbers: where it ended in a digit, one number could be written in two ways."""
        value = self._text("serial_prefix").upper()
        if value[-1:].isdigit():
            self._refuse("serial_prefix", "ends in a digit: it ends where the number begins")
        return value

    def _whole(self, column: str, lowest: int, highest: int) -> int | None:
        value = self._cell(column)
        if not value:
            return None
        is_short = value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS
        if not is_short or not lowest <= int(value) <= highest:
            self._refuse(column, f"{value[:40]} is not a whole number from {lowest} to {highest}")
            return None
        return int(value)

    def _serial(self, column: str) -> int:
        number = self._whole(column, 0, LARGEST_SERIAL)
        if number is None and not self._cell(column):
            self._refuse(column, "is empty")
        return number or 0

    def _vintage(self) -> int | None:
        return self._whole("vintage", EARLIEST_VINTAGE, self._today.year)

    def _retired_on(self) -> date | None:
        value = self._cell("retired_on")
        try:
            day = date.fromisoformat(value) if value else None
        except ValueError:
            self._refuse("retired_on", f"{value[:40]} is not a day such as 2026-02-15")
            return None
        if day and day > self._today:
            self._refuse("retired_on", "has not come yet")
        return day
