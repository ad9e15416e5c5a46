"""Files of placement instances: read in streams, however many requests they have, and answered in the same way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from market.domain.placement.instances import COLUMNS, BadInstance, Columns, columns_of
from market.domain.placement.problem import Assignment

BLOCK_BYTES = 1 << 22

Progress = Callable[[float], None]
"""Told the share of a file that is read, 0 to 1."""


def read_files(path: Path, progress: Progress) -> tuple[dict[str, Any], Columns]:
    """The JSON of an instance and the columns of its requests. Raises BadInstance, OSError."""
    try:
        header = json.loads(path.read_bytes())
    except ValueError as error:
        raise BadInstance(path.name, f"is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise BadInstance(path.name, "must be a JSON object.")
    if "requests" in header:
        return header, columns_of(header.pop("requests"))
    for field in ("requests_file", "classes_file"):
        if isinstance(header.get(field), str):
            return header, _read_csv(path.parent / header[field], field, progress)
    raise BadInstance("requests", "is missing, and so are requests_file and classes_file.")


def write_placements(path: Path, ids: NDArray[Any], placed: Assignment) -> None:
    """Rows `id,region,slot,tokens`; the region by its index. Raises OSError."""
    columns = {"id": ids[placed.request], "region": placed.site, "slot": placed.hour, "tokens": placed.tokens}
    table = pa.table({name: _packed(values) for name, values in columns.items()})
    csv.write_csv(table, path, csv.WriteOptions(quoting_style="needed"))


def _read_csv(path: Path, field: str, progress: Progress) -> Columns:
    """Columns of a CSV file, packed by gzip where its name says so."""
    whole = {name: pa.int64() for name in COLUMNS}
    size = max(path.stat().st_size, 1)
    batches: list[pa.RecordBatch] = []
    try:
        with path.open("rb") as raw, pa.input_stream(raw, "gzip" if path.suffix == ".gz" else None) as stream:
            reader = csv.open_csv(
                stream,
                read_options=csv.ReadOptions(block_size=BLOCK_BYTES),
                convert_options=csv.ConvertOptions(column_types=whole),
            )
            for batch in reader:
                batches.append(batch.select(_wanted(batch.schema.names, field)))
                progress(raw.tell() / size)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise BadInstance(field, f"{path.name}: {error}") from error
    if not batches:
        return {name: np.zeros(0, dtype=np.int64) for name in COLUMNS}
    table = pa.Table.from_batches(batches)
    return {name: _column(table, name, field) for name in table.column_names}


def _wanted(names: list[str], field: str) -> list[str]:
    for name in COLUMNS:
        if name not in names:
            raise BadInstance(f"{field}.{name}", "the column is missing.")
    return [name for name in ("id", *COLUMNS, "party") if name in names]


def _column(table: pa.Table, name: str, field: str) -> NDArray[Any]:
    column = table[name]
    if column.null_count:
        raise BadInstance(f"{field}.{name}", "has empty cells.")
    if not pa.types.is_int64(column.type):
        return np.array(column.to_pylist())
    return np.concatenate([np.zeros(0, dtype=np.int64), *(np.from_dlpack(chunk) for chunk in column.chunks)])


def _packed(values: NDArray[Any]) -> pa.Array:
    """The same numbers for Arrow. `pa.array` would load pandas first, which takes longer than a million rows."""
    if values.dtype.kind != "i":
        return pa.array(values.tolist())
    numbers = np.ascontiguousarray(values, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])
