"""Writing the rows of a plan: a partition of its own on PostgreSQL, filled by one binary COPY."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from market.domain.placement.plan import PlacementVerdict
from market.models import Placement

FIGURES = (
    ("tokens", "i8"),
    ("service_micro_usd", "i8"),
    ("carbon_micro_usd", "i8"),
    ("justice_micro_usd", "i8"),
    ("renewable_micro_usd", "i8"),
    ("from_fund_micro_usd", "i8"),
    ("energy_wh", "f8"),
    ("location_g", "f8"),
    ("avoided_g", "f8"),
)
"""What a row places, and what that comes to."""
COLUMNS = (
    ("request_id", "V16"),
    ("part", "i2"),
    ("run_id", "i8"),
    ("verdict", "i2"),
    ("reason", "i2"),
    ("site", "i2"),
    ("hour", "i2"),
    ("party", "i4"),
    *FIGURES,
)
ROW = np.dtype(list(COLUMNS))
"""One row of a plan, as numpy has it. `request_id` is the sixteen bytes of the UUID."""

Rows = NDArray[Any]

TABLE = "market_placement"
ROWS_AT_ONCE = 2**17
DROP_WAITS_MS = 1000
_NOTHING = dict.fromkeys((name for name, _ in FIGURES), 0)
"""The figures of a row that places nothing."""
COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_END = b"\xff\xff"


def write_rows(rows: Rows, *, run_id: int) -> None:
    """Store the rows of a run that has none yet. Part of the caller's transaction."""
    rows["run_id"] = run_id
    if connection.vendor == "postgresql":
        _copy_into_partition(rows, run_id)
    else:
        _insert(rows)


def let_wait(request_ids: Collection[UUID], *, run_id: int, reason: int) -> None:
    """Turn the rows of these requests in a run into rows that wait, for a WaitingReason."""
    rows = Placement.objects.filter(run=run_id, request__in=request_ids)
    rows.filter(part__gt=0).delete()
    rows.update(verdict=PlacementVerdict.WAITING, reason=reason, site=-1, hour=-1, **_NOTHING)


def drop_rows(run_ids: list[int]) -> None:
    """Forget the rows of these runs; on PostgreSQL their partitions go as a whole.

    That takes the table for itself: it waits for who reads it, and others wait behind. Raises OperationalError
    if that takes long. Part of the caller's transaction.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{DROP_WAITS_MS}ms"])
            for run_id in run_ids:
                cursor.execute(f'DROP TABLE IF EXISTS "{partition_of(run_id)}"')
        return
    Placement.objects.filter(run__in=run_ids).delete()


def list_stored_runs() -> list[int]:
    """Runs that have rows, the oldest first."""
    if connection.vendor != "postgresql":
        return sorted(Placement.objects.values_list("run", flat=True).distinct())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass",
            [TABLE],
        )
        return sorted(int(name.rpartition("_")[2]) for (name,) in cursor.fetchall())


def partition_of(run_id: int) -> str:
    """The table that keeps the rows of one run on PostgreSQL."""
    return f"{TABLE}_run_{int(run_id)}"


def _copy_into_partition(rows: Rows, run_id: int) -> None:
    """A table of its own until it is full and indexed: readers and writers of the plan in force never wait."""
    table = partition_of(run_id)
    names = ", ".join(f'"{name}"' for name, _ in COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE TABLE "{table}" (LIKE "{TABLE}" INCLUDING DEFAULTS INCLUDING CONSTRAINTS)')
        with cursor.copy(f'COPY "{table}" ({names}) FROM STDIN (FORMAT BINARY)') as copy:
            copy.write(COPY_HEAD)
            for start in range(0, len(rows), ROWS_AT_ONCE):
                copy.write(_binary(rows[start : start + ROWS_AT_ONCE]))
            copy.write(COPY_END)
        cursor.execute(f'ALTER TABLE "{table}" ADD PRIMARY KEY ("request_id", "part", "run_id")')
        # The check spares PostgreSQL the reading of all rows while it attaches them.
        cursor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_is_one_run" CHECK ("run_id" = {int(run_id)})')
        cursor.execute(f'ALTER TABLE "{TABLE}" ATTACH PARTITION "{table}" FOR VALUES IN ({int(run_id)})')
        cursor.execute(f'ANALYZE "{table}"')


def _wire() -> np.dtype[Any]:
    """A tuple of PostgreSQL's binary COPY: the number of fields, then length and value of each, big-endian."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in COLUMNS:
        fields += [(f"{name}_length", ">i4"), (name, kind if kind.startswith("V") else f">{kind}")]
    return np.dtype(fields)


WIRE = _wire()


def _binary(rows: Rows) -> bytes:
    tuples = np.zeros(len(rows), dtype=WIRE)
    tuples["fields"] = len(COLUMNS)
    for name, kind in COLUMNS:
        tuples[f"{name}_length"] = np.dtype(kind).itemsize
        tuples[name] = rows[name]
    return tuples.tobytes()


def _insert(rows: Rows) -> None:
    names = ", ".join(f'"{name}"' for name, _ in COLUMNS)
    places = ", ".join(["%s"] * len(COLUMNS))
    values = [(_hex(row[0]), *row[1:]) for row in rows.tolist()]  # sqlite3 stores NaN as NULL
    with connection.cursor() as cursor:
        for start in range(0, len(values), ROWS_AT_ONCE):
            cursor.executemany(
                f'INSERT INTO "{TABLE}" ({names}) VALUES ({places})',  # noqa: S608  # names of our own columns
                values[start : start + ROWS_AT_ONCE],
            )


def _hex(request_id: bytes) -> str:
    return UUID(bytes=request_id).hex
