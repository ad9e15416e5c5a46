"""LangGraph's savers in benchmarks/sessions.py. Runs in the Python that has benchmarks/peers_sessions.txt installed."""

from __future__ import annotations

import argparse
import contextlib
import importlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from _sessions_state import (
    PARTS,
    Record,
    State,
    make_records,
    median_ms,
    part_of,
    steps,
    taken_ms,
    told,
)

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


def main() -> None:
    """Write the steps, then read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size_kb", type=float)
    parser.add_argument("steps", type=int)
    parser.add_argument("channels", type=int, choices=(1, PARTS))
    parser.add_argument("database", help="A connection string of PostgreSQL, or the path of a file for SQLite.")
    given = parser.parse_args()
    with _saver(given.database) as saver:
        for thread, count in (("warm", 10), ("measured", given.steps)):
            bench = Bench(saver, thread, make_records(given.size_kb), given.channels)
            bench.put(None)
            before = _bytes(saver)
            writes = [taken_ms(partial(bench.put, step)) for step in steps(bench.records, count)]
            grown = _bytes(saver) - before
        told(writes, grown / given.steps, bench.reads(given.steps))


class Bench:
    """One thread of a saver."""

    def __init__(self, saver: Any, thread: str, records: dict[str, Record], channels: int):
        self.saver, self.records, self.channels = saver, records, channels
        self.config: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
        self.base = importlib.import_module("langgraph.checkpoint.base")
        self.values: dict[str, Any] = {}
        self.versions: dict[str, str] = {}
        self.ids: list[str] = []

    def put(self, step: tuple[str, Record] | None) -> None:
        """Save a checkpoint: of everything at first, then of one record that is new."""
        if step is None:
            self.values = self._whole()
            changed = set(self.values)
        else:
            changed = {self._rewrite(*step)}
        versions = {name: self.saver.get_next_version(self.versions.get(name), None) for name in changed}
        self.versions |= versions
        checkpoint = self.base.empty_checkpoint() | {
            "id": str(self.base.uuid6(clock_seq=len(self.ids))),
            "channel_values": self.values,
            "channel_versions": dict(self.versions),
        }
        metadata = {"source": "loop", "step": len(self.ids), "parents": {}}
        self.config = self.saver.put(self.config, checkpoint, metadata, versions)
        self.ids.append(checkpoint["id"])

    def _whole(self) -> dict[str, Any]:
        if self.channels == 1:
            return {"tasks": dict(self.records)}
        parts: State = {}
        for name, record in self.records.items():
            parts.setdefault(part_of(name), {})[name] = record
        return dict(parts)

    def _rewrite(self, name: str, record: Record) -> str:
        channel = "tasks" if self.channels == 1 else part_of(name)
        self.values[channel][name] = record
        return channel

    def reads(self, count: int) -> dict[str, float]:
        """Latest, one half way back, a list of all."""
        thread = {"configurable": {**self.config["configurable"], "checkpoint_id": None}}
        thread["configurable"].pop("checkpoint_id")
        past = {"configurable": {**thread["configurable"], "checkpoint_id": self.ids[count // 2 + 20]}}
        if self.saver.get_tuple(thread).checkpoint["channel_values"] != self.values:
            raise SystemExit("The state read is not the state written.")
        return {
            "latest": median_ms(lambda: self.saver.get_tuple(thread)),
            "at": median_ms(lambda: self.saver.get_tuple(past)),
            "list": median_ms(lambda: list(self.saver.list(thread, limit=300)), 3),
        }


@contextlib.contextmanager
def _saver(database: str) -> Iterator[Any]:
    if "dbname=" in database:
        made = importlib.import_module("langgraph.checkpoint.postgres").PostgresSaver.from_conn_string(database)
    else:
        made = importlib.import_module("langgraph.checkpoint.sqlite").SqliteSaver.from_conn_string(database)
    with made as saver:
        saver.setup()
        yield saver


def _bytes(saver: Any) -> int:
    if type(saver).__name__ == "SqliteSaver":
        saver.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        asked = (
            "SELECT (p.page_count - f.freelist_count) * s.page_size FROM pragma_page_count p,"
            " pragma_freelist_count f, pragma_page_size s"
        )
        return int(saver.conn.execute(asked).fetchone()[0])
    sizes = " + ".join(f"pg_total_relation_size('{table}')" for table in TABLES)
    return int(saver.conn.execute(f"SELECT {sizes} AS bytes").fetchone()["bytes"])


if __name__ == "__main__":
    main()
