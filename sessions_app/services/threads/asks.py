"""What a thread is asked to keep. Bodies are as the caller serialised them; nobody here reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobAsk:
    """The value of a channel at a version."""

    channel: str
    version: str
    type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointAsk:
    """A checkpoint without the values of its channels, and the values that are new.

    With `follows` it is stored only if its parent is the newest checkpoint of its namespace.
    """

    checkpoint_id: str
    namespace: str = ""
    parent_id: str = ""
    run_id: str = ""
    type: str
    body: bytes
    metadata: dict[str, Any] = field(default_factory=dict)
    channel_versions: dict[str, str] = field(default_factory=dict)
    blobs: Sequence[BlobAsk] = ()
    follows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteAsk:
    """One pending write. LangGraph numbers special ones, such as errors, below zero: these replace, others do not."""

    index: int
    channel: str
    type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WritesAsk:
    """Pending writes of a task at a checkpoint."""

    checkpoint_id: str
    namespace: str = ""
    task_id: str
    task_path: str = ""
    writes: Sequence[WriteAsk]
