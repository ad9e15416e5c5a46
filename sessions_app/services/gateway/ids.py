"""Ids of calls and requests: random UUIDs, whose bytes are asked of the system for many at once.

Asking it gives the interpreter up: on an event loop each id would wait until a thread gives it back.
"""

from __future__ import annotations

import os
from uuid import UUID

ID_BYTES = 16
AT_ONCE = 256

_spare: list[bytes] = []
os.register_at_fork(after_in_child=_spare.clear)  # else parent and child would give the same ids


def new_id() -> UUID:
    """A random UUID (RFC 9562, version 4) that nobody can guess. From any thread."""
    try:
        raw = _spare.pop()
    except IndexError:
        found = os.urandom(ID_BYTES * AT_ONCE)
        raw, *others = [found[at : at + ID_BYTES] for at in range(0, len(found), ID_BYTES)]
        _spare.extend(others)
    return UUID(bytes=raw, version=4)
