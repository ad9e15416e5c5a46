"""A CSV file of readings that a person brings: what may stand in it, and what is wrong with it in words."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise
from typing import NamedTuple

from climate.domain.signal import HIGHEST_PLAUSIBLE_G_PER_KWH, LOWEST_PLAUSIBLE_G_PER_KWH, Scope

NEEDED = ("starts_at", "period_minutes", "intensity_g_per_kwh")
OPTIONAL = ("renewable_share", "carbon_free_share")
EXAMPLE = (
    "starts_at,period_minutes,intensity_g_per_kwh,renewable_share,carbon_free_share\n"
    "2026-03-04T09:00:00Z,60,212.5,0.41,0.63\n"
    "2026-03-04T11:00:00+01:00,60,198,0.44,\n"
)
LARGEST_BYTES = 9 * 1024 * 1024
MOST_ROWS = 100_000
LONGEST_PERIOD_MINUTES = 60
EARLIEST_YEAR = 1990
SHOWN_CHARACTERS = 40
NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")
OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


class UnreadableFile(ValueError):
    """Nothing in the file can be judged; says why in a sentence."""


class Mistake(NamedTuple):
    """What is wrong in a line of the file (the header is line 1); `column` is empty for the whole line."""

    line: int
    column: str
    words: str


class Row(NamedTuple):
    """A line without mistakes: UTC, g CO2e/kWh, shares 0..1 or None for unknown."""

    line: int
    starts_at: datetime
    period_minutes: int
    intensity_g_per_kwh: float
    renewable_share: float | None
    carbon_free_share: float | None

    @property
    def ends_at(self) -> datetime:
        """End of the period."""
        return self.starts_at + timedelta(minutes=self.period_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Time between two periods that no row covers."""

    starts_at: datetime
    ends_at: datetime

    @property
    def minutes(self) -> int:
        """Its length."""
        return int((self.ends_at - self.starts_at).total_seconds() // 60)


def text_of(content: bytes) -> str:
    """The file as text. Raises UnreadableFile."""
    if not content.strip():
        raise UnreadableFile("The file is empty.")
    if content.startswith(b"PK"):
        raise UnreadableFile("This is a workbook or another packed file. Save the sheet as CSV (UTF-8).")
    if b"\0" in content:
        raise UnreadableFile("This is no text in UTF-8. Save it as CSV (UTF-8).")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableFile(f"Line {line} is no text in UTF-8. Save the file as CSV (UTF-8).") from error


def read_lines(text: str, *, scope: Scope, now: datetime) -> Iterator[Row | list[Mistake]]:
    """Every line below the header: the row, or its mistakes. Raises UnreadableFile."""
    lines = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        columns = _columns(next(lines, []))
        rows = 0
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            rows += 1
            if rows > MOST_ROWS:
                raise UnreadableFile(f"There are more than {MOST_ROWS:,} rows. Split the file.")
            yield _read(lines.line_num, columns, cells, scope, now)
    except csv.Error as error:
        raise UnreadableFile(f"Line {lines.line_num} cannot be read as CSV: {error}.") from error
    if not rows:
        raise UnreadableFile("There are no rows below the header.")


def overlaps_of(ordered: Sequence[Row]) -> list[Mistake]:
    """Rows that tell of a time of which another one tells, too. Ordered by time, then line."""
    found = []
    fullest = None
    for row in ordered:
        if fullest is not None and row.starts_at < fullest.ends_at:
            same = (row.starts_at, row.period_minutes) == (fullest.starts_at, fullest.period_minutes)
            words = "is the same period as" if same else "begins before the end of"
            found.append(Mistake(row.line, "starts_at", f"{words} line {fullest.line}"))
        if fullest is None or row.ends_at > fullest.ends_at:
            fullest = row
    return found


def gaps_of(ordered: Sequence[Row]) -> list[Gap]:
    """Time that is missing between the first and the last period. Ordered by time, without overlaps."""
    return [Gap(starts_at=a.ends_at, ends_at=b.starts_at) for a, b in pairwise(ordered) if a.ends_at < b.starts_at]


def _columns(header: Sequence[str]) -> list[str]:
    names = [name.strip() for name in header]
    if len(names) == 1:
        for delimiter, words in OTHER_DELIMITERS.items():
            if delimiter in names[0]:
                raise UnreadableFile(f"The columns are separated by {words}. Separate them by commas.")
    unknown = [name for name in names if name not in NEEDED + OPTIONAL]
    if unknown:
        known = ", ".join(NEEDED + OPTIONAL)
        raise UnreadableFile(f"The first line has a column {_shown(unknown[0])}. Known are {known}.")
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise UnreadableFile(f"The first line lacks the column {', '.join(missing)}.")
    if len(set(names)) < len(names):
        raise UnreadableFile("The first line names a column twice.")
    return names


def _read(line: int, columns: list[str], cells: list[str], scope: Scope, now: datetime) -> Row | list[Mistake]:
    if len(cells) != len(columns):
        return [Mistake(line, "", f"has {len(cells)} cells, the first line has {len(columns)}")]
    given = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    values: dict[str, object] = {}
    mistakes = []
    for column, read in _readers(scope, now).items():
        try:
            values[column] = read(given.get(column, ""))
        except ValueError as error:
            mistakes.append(Mistake(line, column, str(error)))
    return mistakes or Row(line, **values)  # type: ignore[arg-type]


def _readers(scope: Scope, now: datetime) -> dict[str, Callable[[str], object]]:
    lowest = 0.0 if scope == Scope.DIRECT else LOWEST_PLAUSIBLE_G_PER_KWH
    return {
        "starts_at": lambda cell: _time(cell, now),
        "period_minutes": _minutes,
        "intensity_g_per_kwh": lambda cell: _number(cell, lowest, HIGHEST_PLAUSIBLE_G_PER_KWH, "g CO2e/kWh"),
        "renewable_share": _share,
        "carbon_free_share": _share,
    }


def _time(cell: str, now: datetime) -> datetime:
    try:
        said = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError(f"{_shown(cell)} is no time such as 2026-03-04T10:00:00Z") from None
    if said.tzinfo is None:
        raise ValueError(f"{_shown(cell)} does not say its offset from UTC; end it with Z or, for example, +01:00")
    if said.second or said.microsecond:
        raise ValueError(f"{_shown(cell)} is not a whole minute")
    if not EARLIEST_YEAR <= said.year <= now.year + 1:
        raise ValueError(f"{_shown(cell)} is not between {EARLIEST_YEAR} and now")
    at = said.astimezone(UTC)
    if at > now:
        raise ValueError(f"{_shown(cell)} has not come yet")
    return at


def _minutes(cell: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", cell) or not 1 <= int(cell) <= LONGEST_PERIOD_MINUTES:
        raise ValueError(f"{_shown(cell)} is no whole number of minutes from 1 to {LONGEST_PERIOD_MINUTES}")
    return int(cell)


def _number(cell: str, lowest: float, highest: float, unit: str) -> float:
    if not NUMBER.fullmatch(cell):
        raise ValueError(f"{_shown(cell)} is no number such as 212.5")
    value = float(cell)
    if not lowest <= value <= highest:
        raise ValueError(f"{_shown(cell)} is not between {lowest:g} and {highest:,g} {unit}".rstrip())
    return value


def _share(cell: str) -> float | None:
    """Empty is unknown."""
    return _number(cell, 0.0, 1.0, "(a share, not a percentage)") if cell else None


def _shown(cell: str) -> str:
    """What stands there, short and printable."""
    short = cell if len(cell) <= SHOWN_CHARACTERS else f"{cell[:SHOWN_CHARACTERS]}..."
    printable = "".join(character if character.isprintable() else "?" for character in short)
    return f"'{printable}'" if printable else "nothing"
