"""Loading what waits for a pass: columns, not rows, so that a million requests take seconds."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.csv
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray

from market.domain.placement.eligibility import UNKNOWN, RequestColumns, RequestKind
from market.domain.placement.problem import Indices, Ints
from market.models import AllocationRequest

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KIND_COLUMNS = (
    *("policy_id", "purpose_id", "origin_code", "scored_code", "model_class", "latency_class"),
    *("eligible_regions", "residency", "min_cfe_share"),
)
# date_part counts in floats, ten times as fast as EXTRACT in decimals; a microsecond is above what it rounds.
NUMBERS = {
    "tokens": "tokens",
    "input_tokens": f"COALESCE(input_tokens, {UNKNOWN})",
    "price_cap_micro_usd": f"COALESCE(price_cap_micro_usd, {UNKNOWN})",
    "earliest_us": "(date_part('epoch', earliest_at) * 1000000)::bigint",
    "latest_us": "(date_part('epoch', latest_at) * 1000000)::bigint",
    "created_us": "(date_part('epoch', created_at) * 1000000)::bigint",
    "may_split": "may_split::int",
}
TYPES = {
    "id": pa.string(),
    **{name: pa.int64() for name in NUMBERS},
    **{name: pa.dictionary(pa.int32(), pa.string()) for name in (*KIND_COLUMNS, "budget_id")},
}
LARGEST_CODE = 2**62


def load_waiting(*, now: datetime, before: datetime) -> RequestColumns:
    """Queued requests whose deadline is not over and that may start before `before`, the oldest first."""
    table = _copied(now, before) if connection.vendor == "postgresql" else _read(now, before)
    ids, numbers = _uuid_bytes(table["id"]), {name: _numbers(table[name]) for name in NUMBERS}
    halves = ids.view(">u8").astype(np.uint64)
    order = np.lexsort((halves[:, 1], halves[:, 0], numbers["created_us"]))
    kinds, kind = _kinds(table)
    budgets, budget = _coded(table["budget_id"])
    return RequestColumns(
        ids=ids[order],
        may_split=numbers.pop("may_split")[order] == 1,
        kind=kind[order],
        budget=budget[order].astype(np.int32),
        kinds=kinds,
        budgets=tuple(UUID(each) for each in budgets),
        **{name: column[order] for name, column in numbers.items()},
    )


def count_waiting_later(*, now: datetime, before: datetime) -> int:
    """Queued requests that may not start before `before`: beyond what is planned."""
    return _queued(now).filter(earliest_at__gte=before).count()


def _queued(now: datetime) -> QuerySet[AllocationRequest]:
    return AllocationRequest.objects.filter(status=AllocationRequest.Status.QUEUED, latest_at__gte=now)


def _copied(now: datetime, before: datetime) -> pa.Table:
    """COPY as text: PostgreSQL writes it and Arrow reads it many times faster than rows become tuples."""
    columns = ["id", *(f"{words} AS {name}" for name, words in NUMBERS.items()), *KIND_COLUMNS, "budget_id"]
    query = (
        f"COPY (SELECT {', '.join(columns)} FROM market_allocationrequest"  # noqa: S608  # names of our own columns
        " WHERE status = 'queued' AND latest_at >= %s AND earliest_at < %s) TO STDOUT (FORMAT CSV)"
    )
    text = io.BytesIO()
    with connection.cursor() as cursor, cursor.copy(query, [now, before]) as copy:
        for block in copy:
            text.write(block)
    if not text.tell():
        return pa.table({name: pa.array([], type=kind) for name, kind in TYPES.items()})
    return pyarrow.csv.read_csv(
        pa.py_buffer(text.getbuffer()),
        read_options=pyarrow.csv.ReadOptions(column_names=list(TYPES)),
        convert_options=pyarrow.csv.ConvertOptions(column_types=TYPES, strings_can_be_null=False),
    )


def _read(now: datetime, before: datetime) -> pa.Table:
    columns = ("earliest_at", "latest_at", "created_at", *(name for name in NUMBERS if not name.endswith("_us")))
    rows = _queued(now).filter(earliest_at__lt=before).values("id", *columns, *KIND_COLUMNS, "budget_id")
    found = list(rows.iterator())
    return pa.table({name: pa.array([_plain(name, row) for row in found], type=kind) for name, kind in TYPES.items()})


def _plain(name: str, row: dict[str, Any]) -> Any:
    """A value as the COPY of PostgreSQL brings it."""
    if name.endswith("_us"):
        return (row[name.replace("_us", "_at")] - EPOCH) // timedelta(microseconds=1)
    value = row[name]
    if name in NUMBERS:
        return UNKNOWN if value is None else int(value)
    if name in ("eligible_regions", "residency") and value is not None:
        return json.dumps(value)
    return "" if value is None else str(value)


def _numbers(column: pa.ChunkedArray) -> Ints:
    """Read from the buffers: Arrow's own way to numpy would load pandas first."""
    parts = [np.frombuffer(chunk.buffers()[1], dtype=np.int64)[chunk.offset :][: len(chunk)] for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _uuid_bytes(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """Thirty-six letters each become the sixteen bytes of the UUID [N, 16]."""
    letters = np.frombuffer("".join(column.to_pylist()).encode(), dtype=np.uint8).reshape(-1, 36)
    digits = np.delete(letters, (8, 13, 18, 23), axis=1)
    return np.frombuffer(bytes.fromhex(digits.tobytes().decode()), dtype=np.uint8).reshape(-1, 16)


def _kinds(table: pa.Table) -> tuple[tuple[RequestKind, ...], Indices]:
    """Different kinds of requests in one order whatever the order of the rows, and which of them each row is."""
    tables, codes, size = [], np.zeros(len(table), dtype=np.int64), 1
    for name in KIND_COLUMNS:
        values, column = _coded(table[name])
        if size * max(len(values), 1) > LARGEST_CODE:
            raise OverflowError("There are too many different kinds of requests to count them in 64 bits.")
        size *= max(len(values), 1)
        codes = codes * max(len(values), 1) + column
        tables.append(values)
    different, kind = np.unique(codes, return_inverse=True)
    return tuple(_kind(int(code), tables) for code in different), kind.astype(np.int32)


def _kind(code: int, tables: Sequence[Sequence[str]]) -> RequestKind:
    said: list[str] = []
    for values in reversed(tables):
        code, index = divmod(code, len(values))
        said.append(values[index])
    policy, purpose, origin, scored, model_class, latency, regions, residency, share = reversed(said)
    return RequestKind(
        policy_id=int(policy),
        purpose=purpose,
        origin=origin,
        scored=scored,
        model_class=model_class,
        latency_class=latency,
        eligible_regions=_names(regions),
        residency=_names(residency),
        min_cfe_share=float(share) if share else None,
    )


def _names(text: str) -> tuple[str, ...] | None:
    stored = json.loads(text) if text else None  # a stored JSON null is none as well
    return None if stored is None else tuple(stored)


def _coded(column: pa.ChunkedArray) -> tuple[list[str], Ints]:
    """Different values in the order of their text, and the index of each row."""
    if not len(column):
        return [], np.zeros(0, dtype=np.int64)
    whole = column.unify_dictionaries().combine_chunks()
    values, place = np.unique(np.array(whole.dictionary.to_pylist(), dtype=np.str_), return_inverse=True)
    indices = np.frombuffer(whole.indices.buffers()[1], dtype=np.int32)[whole.offset :][: len(whole)]
    return [str(each) for each in values], place.reshape(-1)[indices].astype(np.int64)
