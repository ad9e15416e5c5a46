"""Calls for the child that solves: it imports them from here, so nothing of Django or pytest may be in here."""

from __future__ import annotations

import os
import re
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any


def hold_the_lock(*_given: Any, note: Path | None = None, **_named: Any) -> None:
    """Never return and never let another thread run, as a solver does; first write the process id to `note`."""
    if note:
        note.with_suffix(".new").write_text(str(os.getpid()))
        note.with_suffix(".new").rename(note)
    re.match(r"(a+)+$", "a" * 60 + "b")


def die_by_kill(*_given: Any, **_named: Any) -> None:
    """As the kernel does it when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def ask_for_too_much_memory(*_given: Any, **_named: Any) -> bytes:
    """Python's own MemoryError."""
    return bytes(1 << 62)


def print_and_return(answer: int) -> int:
    """A library that prints."""
    print("Solving ...", flush=True)  # noqa: T201
    os.write(1, b"done\n")
    return answer


def wait_for_child(note: str) -> None:
    """A parent whose child never ends."""
    from market.connectors.solver import call_in_child

    # Linux tells a child of the end of its parent, long before its time is up; elsewhere its alarm ends it.
    seconds = 120 if sys.platform == "linux" else 3
    call_in_child(partial(hold_the_lock, note=Path(note)), seconds=seconds, meanwhile=int)
