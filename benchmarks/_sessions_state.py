"""The shared state on which all are measured, and how a measurement is told. Imports nothing but the standard library.

A state holds records of some 480 bytes of words, as many as its size takes. Each step rewrites one record.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

SEED = 7
RECORD_CHARACTERS = 420
RECORD_BYTES = 480  # with its name, in JSON
WORDS = 1500
PARTS = 20
READS = 40
Record = dict[str, Any]
State = dict[str, dict[str, Record]]


def make_records(size_kb: float) -> dict[str, Record]:
    """Records that together are a state of this size in JSON."""
    chance = random.Random(SEED)
    words = _vocabulary(chance)
    count = max(1, round(size_kb * 1000 / RECORD_BYTES))
    return {f"task-{number:04}": _record(chance, words, 0) for number in range(count)}


def steps(records: dict[str, Record], count: int) -> Iterator[tuple[str, Record]]:
    """Which record each step rewrites, and with what."""
    chance = random.Random(SEED + 1)
    words = _vocabulary(random.Random(SEED))
    names = sorted(records)
    for step in range(1, count + 1):
        yield chance.choice(names), _record(chance, words, step)


def part_of(name: str) -> str:
    """Which of the parts of a state a record belongs to."""
    return f"part-{int(name.removeprefix('task-')) % PARTS:02}"


def _vocabulary(chance: random.Random) -> list[str]:
    letters = "etaoinshrdlucmfwyp"
    return ["".join(chance.choices(letters, k=chance.randint(3, 10))) for _ in range(WORDS)]


def _record(chance: random.Random, words: list[str], step: int) -> Record:
    text = ""
    while len(text) < RECORD_CHARACTERS:
        text += words[min(int(chance.paretovariate(0.33)), WORDS) - 1] + " "  # some words are frequent, as in any text
    return {"step": step, "done": step % 3 == 0, "text": text[:RECORD_CHARACTERS]}


def taken_ms(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def median_ms(work: Callable[[], object], times: int = READS) -> float:
    """The middle of some calls after one to warm up."""
    work()
    return statistics.median(taken_ms(work) for _ in range(times))


def told(writes_ms: list[float], bytes_each: float, reads: dict[str, float]) -> None:
    """Print a measurement as one line of JSON."""
    ordered = sorted(writes_ms)
    at = {f"write_p{share}": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (5, 50, 95)}
    print(json.dumps({**at, "bytes": bytes_each, **reads}), flush=True)
