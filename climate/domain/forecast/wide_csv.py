"""Traces from a wide CSV: a column `utc` with the hour and one column of g CO2e/kWh per zone."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isfinite

import numpy as np

from climate.domain.forecast.trace import Place, Trace

HOUR = timedelta(hours=1)
MOST_HOURS = 200_000
"""More than 22 years: a wrong date would otherwise ask for endless memory."""


class BadTrace(ValueError):
    """The file is not such a CSV. Names line and column."""


def parse_wide_csv(lines: Iterable[str], *, name: str) -> tuple[list[datetime], dict[str, list[float]]]:
    """Hours as written, and each zone's values. Raises BadTrace.

    An empty cell, `nan` and 0 are hours nobody measured (NaN): no grid has a lifecycle intensity of
    0, but files write it. Codes of zones are taken as they are: `NA` is Namibia.
    """
    rows = csv.reader(lines)
    header = [each.strip() for each in next(rows, [])]
    if "utc" not in header or len(header) < 2:
        raise BadTrace(f"{name}, line 1: the header is `utc` and one column per zone.")
    if len(set(header)) < len(header) or "" in header:
        raise BadTrace(f"{name}, line 1: every column needs a name of its own.")
    hours: list[datetime] = []
    columns: dict[str, list[float]] = {each: [] for each in header if each != "utc"}
    for row in rows:
        if not row:
            continue
        where = f"{name}, line {rows.line_num}"
        if len(row) != len(header):
            raise BadTrace(f"{where}: {len(row)} cells, but the header has {len(header)}.")
        for column, cell in zip(header, row, strict=True):
            if column == "utc":
                hours.append(_hour(cell, where))
            else:
                columns[column].append(_value(cell, f"{where}, column {column}"))
        if len(hours) > 1 and hours[-1] <= hours[-2]:
            raise BadTrace(f"{where}, column utc: {row[header.index('utc')]} does not come after the line before.")
    if not hours:
        raise BadTrace(f"{name}: there are no hours in it.")
    return hours, columns


def traces_of(
    files: Sequence[tuple[list[datetime], Mapping[str, list[float]]]], places: Mapping[str, Place]
) -> dict[str, Trace]:
    """One Trace per zone over the hours of all files; hours in none are NaN, a later file wins.

    Raises BadTrace if the hours span too many years.
    """
    first = min(hours[0] for hours, _ in files)
    length = int((max(hours[-1] for hours, _ in files) - first) / HOUR) + 1
    if length > MOST_HOURS:
        raise BadTrace(f"The hours span {length / 8766:.0f} years; at most {MOST_HOURS / 8766:.0f} can be read.")
    empty = Trace(first_hour=first, values=np.full(length, np.nan))
    traces: dict[str, Trace] = {}
    for hours, columns in files:
        numbers = np.array([int((hour - first) / HOUR) for hour in hours])
        for zone, values in columns.items():
            trace = traces.setdefault(zone, replace(empty, values=empty.values.copy(), place=places.get(zone)))
            trace.values[numbers] = values
    return traces


def _hour(cell: str, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(cell.strip().replace("Z", "+00:00"))
    except ValueError:
        raise BadTrace(f"{where}, column utc: {cell!r} is not a time like 2023-01-01T00:00Z.") from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    if at.minute or at.second or at.microsecond:
        raise BadTrace(f"{where}, column utc: {cell} is not the beginning of an hour.")
    return at


def _value(cell: str, where: str) -> float:
    if cell.strip().lower() in ("", "nan"):
        return float("nan")
    try:
        value = float(cell)
    except ValueError:
        value = -1.0
    if not isfinite(value) or value < 0:
        raise BadTrace(f"{where}: {cell!r} is no intensity in g/kWh; leave the cell empty where nothing is known.")
    return value or float("nan")
