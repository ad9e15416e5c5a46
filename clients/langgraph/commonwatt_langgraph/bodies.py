"""Checkpoints as they travel: what the serialiser made of them, in base64."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

EMPTY = "empty"
"""The type of a channel that has no value at a version."""


class Values:
    """Values of channels by namespace, channel and version. Each checkpoint gets objects of its own."""

    def __init__(self, serde: SerializerProtocol, blobs: Sequence[Mapping[str, str]]):
        self.serde = serde
        self._blobs = {(blob["namespace"], blob["channel"], blob["version"]): blob for blob in blobs}

    def of(self, namespace: str, versions: Mapping[str, str]) -> dict[str, Any]:
        """What the channels of a checkpoint hold."""
        found = ((name, self._blobs.get((namespace, name, version))) for name, version in versions.items())
        return {name: loaded(self.serde, blob) for name, blob in found if blob is not None and blob["type"] != EMPTY}


def dumped(serde: SerializerProtocol, value: Any) -> dict[str, str]:
    """A value as it travels."""
    kind, body = serde.dumps_typed(value)
    return {"type": kind, "body": b64encode(body).decode()}


def loaded(serde: SerializerProtocol, line: Mapping[str, str]) -> Any:
    """The value again."""
    return serde.loads_typed((line["type"], b64decode(line["body"])))


def checkpoint_body(
    serde: SerializerProtocol,
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    new_versions: ChannelVersions,
) -> dict[str, Any]:
    """What a checkpoint is stored with: itself without values, and the values that are new."""
    configurable, values = config["configurable"], checkpoint["channel_values"]
    bare = {name: value for name, value in checkpoint.items() if name != "channel_values"}
    told = get_serializable_checkpoint_metadata(config, metadata)
    blobs = [
        {
            "channel": name,
            "version": str(version),
            **(dumped(serde, values[name]) if name in values else {"type": EMPTY, "body": ""}),
        }
        for name, version in new_versions.items()
    ]
    return {
        "namespace": configurable.get("checkpoint_ns", ""),
        "parent_id": configurable.get("checkpoint_id") or "",
        "run_id": str(told.get("run_id") or ""),
        **dumped(serde, bare),
        "metadata": told,
        "channel_versions": {name: str(version) for name, version in checkpoint["channel_versions"].items()},
        "blobs": blobs,
    }


def writes_body(
    serde: SerializerProtocol,
    config: RunnableConfig,
    writes: Sequence[tuple[str, Any]],
    task_id: str,
    task_path: str,
) -> dict[str, Any]:
    """What a task wrote."""
    lines = [
        {"index": WRITES_IDX_MAP.get(channel, index), "channel": channel, **dumped(serde, value)}
        for index, (channel, value) in enumerate(writes)
    ]
    namespace = config["configurable"].get("checkpoint_ns", "")
    return {"namespace": namespace, "task_id": task_id, "task_path": task_path, "writes": lines}


def tuple_of(thread_id: str, line: Mapping[str, Any], values: Values) -> CheckpointTuple:
    """A checkpoint as LangGraph knows it."""
    bare = loaded(values.serde, line)
    named = {"thread_id": thread_id, "checkpoint_ns": line["namespace"]}
    config = {"configurable": {**named, "checkpoint_id": line["checkpoint_id"]}}
    parent = {"configurable": {**named, "checkpoint_id": line["parent_id"]}} if line["parent_id"] else None
    checkpoint = {**bare, "channel_values": values.of(line["namespace"], line["channel_versions"])}
    return CheckpointTuple(
        config=cast(RunnableConfig, config),
        checkpoint=cast(Checkpoint, checkpoint),
        metadata=cast(CheckpointMetadata, line["metadata"]),
        parent_config=cast(RunnableConfig | None, parent),
        pending_writes=[(write["task_id"], write["channel"], loaded(values.serde, write)) for write in line["writes"]],
    )
