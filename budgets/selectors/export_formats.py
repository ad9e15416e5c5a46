"""The forms in which a ledger leaves: CSV for spreadsheets, Parquet for programs. In parts, as the rows come."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from budgets.domain.units import STEPS_PER_UNIT, Unit, from_steps
from budgets.selectors.exports import ExportRow, list_export_rows, list_units
from budgets.selectors.ledger import DELTAS

if TYPE_CHECKING:
    import pyarrow as pa

CSV_PART = 2_000
ROW_GROUP = 20_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
PLAIN = ("id", "at_utc", "budget_id", "budget", "unit", "kind", "actor", "reason", "hold_id")
AMOUNT_DIGITS, AMOUNT_DECIMALS = 25, 6
FORMATS = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
"""Content types by name."""


def write_ledger(
    budget_ids: Sequence[UUID],
    *,
    kind: str,
    since: datetime | None,
    until: datetime | None,
    generated_at: datetime,
    progress: Callable[[ExportRow], None] | None = None,
) -> Iterator[bytes]:
    """The ledgers of these budgets as a file of a kind in `FORMATS`, in parts. `progress` is told of every row."""
    units = list_units(budget_ids)
    rows = list_export_rows(budget_ids, since=since, until=until)
    if progress is not None:
        rows = _told(rows, progress)
    if kind == "csv":
        return write_csv(rows, units=units)
    facts = {
        "source": "Commonwatt ledger",
        "generated_at": generated_at.isoformat(),
        "since": since.isoformat() if since else "",
        "until": until.isoformat() if until else "",
        "units": ",".join(units),
        "budgets": ",".join(map(str, budget_ids)),
    }
    return write_parquet(rows, units=units, facts=facts)


def write_csv(rows: Iterable[ExportRow], *, units: Sequence[Unit]) -> Iterator[bytes]:
    """UTF-8 with a header; amounts are exact decimals in the unit that the name of their column ends in.

    Text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*PLAIN, *(name for name, _, _ in _amounts(units))])
    every = iter(rows)
    while True:
        part = list(islice(every, CSV_PART))
        writer.writerows([*map(_harmless, _plain(row)), *_written(row, units)] for row in part)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
        if len(part) < CSV_PART:
            return


def write_parquet(rows: Iterable[ExportRow], *, units: Sequence[Unit], facts: dict[str, str]) -> Iterator[bytes]:
    """Parquet with typed columns and `facts` in its metadata. Tokens and micro-USD are int64, grams and Wh decimals."""
    import pyarrow as pa  # loaded on first use: it is large, and most processes never export
    from pyarrow import parquet

    schema = _schema(units).with_metadata(facts)
    sink = _Forward()
    every = iter(rows)
    with parquet.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        while part := list(islice(every, ROW_GROUP)):
            writer.write_table(_table(part, units, schema), row_group_size=ROW_GROUP)
            yield sink.taken()
    yield sink.taken()


class _Forward(io.RawIOBase):
    """A file that is only ever written on: what was written is taken away as it comes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, part: Any) -> int:
        """Keep a part until it is taken."""
        self._parts.append(bytes(part))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        """What was written since the last time."""
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole


def _told(rows: Iterable[ExportRow], progress: Callable[[ExportRow], None]) -> Iterator[ExportRow]:
    for row in rows:
        progress(row)
        yield row


def _amounts(units: Sequence[Unit]) -> list[tuple[str, int, Unit]]:
    """Name of the column, place of the delta, unit."""
    return [(f"{name}_delta_{unit.value}", at, unit) for unit in units for at, name in enumerate(DELTAS)]


def _plain(row: ExportRow) -> list[Any]:
    hold = row.hold_id or ""
    at = row.at.isoformat()
    return [row.id, at, row.budget_id, row.budget_name, row.unit.value, row.kind, row.actor, row.reason, hold]


def _written(row: ExportRow, units: Sequence[Unit]) -> list[str]:
    return [f"{from_steps(unit, row.deltas[at]):f}" if unit == row.unit else "" for _, at, unit in _amounts(units)]


def _harmless(value: Any) -> Any:
    """Names and reasons are anybody's words: none of them may run in the spreadsheet of who reads them."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _has_decimals(unit: Unit) -> bool:
    return STEPS_PER_UNIT[unit] > 1


def _schema(units: Sequence[Unit]) -> pa.Schema:
    import pyarrow as pa

    types = {"id": pa.int64(), "at_utc": pa.timestamp("us", tz="UTC")}
    decimal = pa.decimal128(AMOUNT_DIGITS, AMOUNT_DECIMALS)
    amount_types = {unit: decimal if _has_decimals(unit) else pa.int64() for unit in units}
    fields = [pa.field(name, types.get(name, pa.string()), nullable=name == "hold_id") for name in PLAIN]
    fields += [pa.field(name, amount_types[unit], metadata={"unit": unit.value}) for name, _, unit in _amounts(units)]
    return pa.schema(fields)


def _table(part: Sequence[ExportRow], units: Sequence[Unit], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    read: list[Callable[[ExportRow], Any]] = [
        lambda row: row.id,
        lambda row: row.at,
        lambda row: str(row.budget_id),
        lambda row: row.budget_name,
        lambda row: row.unit.value,
        lambda row: row.kind,
        lambda row: row.actor,
        lambda row: row.reason,
        lambda row: str(row.hold_id) if row.hold_id else None,
    ]
    columns = [list(map(each, part)) for each in read]
    for _, at, unit in _amounts(units):
        decimals = _has_decimals(unit)
        columns.append(
            [
                None if row.unit != unit else from_steps(unit, row.deltas[at]) if decimals else row.deltas[at]
                for row in part
            ]
        )
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
