"""LangGraph's checkpointer interface over the HTTP API of Commonwatt."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, cast
from uuid import uuid4

import httpx
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from commonwatt_langgraph.bodies import Values, checkpoint_body, tuple_of, writes_body
from commonwatt_langgraph.client import Call, Client, thread_path

MOST_LISTED = 50
MOST_RUNS = 50
LATEST = "latest"


class CommonwattSaver(BaseCheckpointSaver[str]):
    """Checkpoints in Commonwatt: every thread is a session of the team whose key this is.

    With `refuse_forks` a checkpoint is stored only if its parent is the newest of its namespace; else
    StaleParent is raised and nothing stored. Every method may raise CommonwattError and httpx.HTTPError.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        serde: SerializerProtocol | None = None,
        refuse_forks: bool = False,
        timeout_seconds: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        async_transport: httpx.AsyncBaseTransport | None = None,
    ):
        super().__init__(serde=serde)
        self.refuse_forks = refuse_forks
        self._client = Client(
            base_url, api_key, timeout_seconds=timeout_seconds, transport=transport, async_transport=async_transport
        )

    def __enter__(self) -> CommonwattSaver:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> CommonwattSaver:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    async def aclose(self) -> None:
        """Close its connections, those of the running loop too."""
        await self._client.aclose()

    # --- reading -----------------------------------------------------------------

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that `config` names, or the newest of its namespace; None if there is none."""
        return self._read(config, self._client.send(_get(config)))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The same."""
        return self._read(config, await self._client.asend(_get(config)))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Checkpoints of a thread, newest first; without `config` those of every thread, one thread after another."""
        names = [_thread_id(config)] if config else self._thread_ids()
        for thread_id in names:
            call: Call | None = _list(thread_id, config, filter, before, limit)
            while call is not None:
                page = self._client.send(call)
                found = self._page(thread_id, page, limit)
                yield from found
                limit = None if limit is None else limit - len(found)
                call = _following(call, page, limit)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """The same."""
        names = [_thread_id(config)] if config else await self._athread_ids()
        for thread_id in names:
            call: Call | None = _list(thread_id, config, filter, before, limit)
            while call is not None:
                page = await self._client.asend(call)
                found = self._page(thread_id, page, limit)
                for each in found:
                    yield each
                limit = None if limit is None else limit - len(found)
                call = _following(call, page, limit)

    # --- writing -----------------------------------------------------------------

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint, and the values of the channels that are new in it."""
        self._client.send(self._put(config, checkpoint, metadata, new_versions))
        return _stored(config, checkpoint)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """The same."""
        await self._client.asend(self._put(config, checkpoint, metadata, new_versions))
        return _stored(config, checkpoint)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote at a checkpoint."""
        self._client.send(self._put_writes(config, writes, task_id, task_path))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """The same."""
        await self._client.asend(self._put_writes(config, writes, task_id, task_path))

    # --- removing and copying: archived first -----------------------------------------

    def delete_thread(self, thread_id: str) -> None:
        """Archive and remove all checkpoints and writes of a thread."""
        self._client.send(Call("DELETE", thread_path(thread_id)))

    async def adelete_thread(self, thread_id: str) -> None:
        """The same."""
        await self._client.asend(Call("DELETE", thread_path(thread_id)))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Archive and remove the checkpoints of some runs, in all threads of the team."""
        for call in _runs(run_ids):
            self._client.send(call)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """The same."""
        for call in _runs(run_ids):
            await self._client.asend(call)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread to one that has no checkpoints. Raises CommonwattError 404 if there is no such thread."""
        self._client.send(_copy(source_thread_id, target_thread_id))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """The same."""
        await self._client.asend(_copy(source_thread_id, target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Archive and remove old checkpoints (`keep_latest`) or all (`delete`), thread by thread.

        Raises CommonwattError with code `delta_channels` where the newest is rebuilt from older ones.
        """
        for call in _prune(thread_ids, strategy):
            self._client.send(call)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """The same."""
        for call in _prune(thread_ids, strategy):
            await self._client.asend(call)

    def restore_thread(self, thread_id: str, archive_id: int) -> None:
        """Put the checkpoints of an archive back. Raises CommonwattError 404 if there is no such archive."""
        self._client.send(_restore(thread_id, archive_id))

    async def arestore_thread(self, thread_id: str, archive_id: int) -> None:
        """The same."""
        await self._client.asend(_restore(thread_id, archive_id))

    def get_next_version(self, current: str | None, channel: None) -> str:
        """The version after `current`: a number that rises, and an identifier that no fork of the thread has too."""
        number = int(str(current).split(".")[0]) if current is not None else 0
        return f"{number + 1:032}.{uuid4().hex}"

    # --- bodies ----------------------------------------------------------------------

    def _put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> Call:
        body = checkpoint_body(self.serde, config, checkpoint, metadata, new_versions)
        path = thread_path(_thread_id(config), "checkpoints", checkpoint["id"])
        return Call("PUT", path, {**body, "follows": self.refuse_forks})

    def _put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> Call:
        path = thread_path(_thread_id(config), "checkpoints", config["configurable"]["checkpoint_id"], "writes")
        return Call("PUT", path, writes_body(self.serde, config, writes, task_id, task_path))

    def _read(self, config: RunnableConfig, answer: Any) -> CheckpointTuple | None:
        if answer is None:
            return None
        return tuple_of(_thread_id(config), answer["checkpoint"], Values(self.serde, answer["blobs"]))

    def _page(self, thread_id: str, page: Any, limit: int | None) -> Sequence[CheckpointTuple]:
        values = Values(self.serde, page["blobs"])
        return [tuple_of(thread_id, line, values) for line in page["results"][:limit]]

    def _thread_ids(self) -> Iterator[str]:
        call: Call | None = Call("GET", "/api/v1/threads/")
        while call is not None:
            page = self._client.send(call)
            yield from (line["thread_id"] for line in page["results"])
            call = _following(call, page, None)

    async def _athread_ids(self) -> Sequence[str]:
        call: Call | None = Call("GET", "/api/v1/threads/")
        found: list[str] = []
        while call is not None:
            page = await self._client.asend(call)
            found += [line["thread_id"] for line in page["results"]]
            call = _following(call, page, None)
        return found


def _thread_id(config: RunnableConfig) -> str:
    return str(config["configurable"]["thread_id"])


def _get(config: RunnableConfig) -> Call:
    path = thread_path(_thread_id(config), "checkpoints", get_checkpoint_id(config) or LATEST)
    query = {"namespace": config["configurable"].get("checkpoint_ns", "")}
    return Call("GET", path, query=query, may_be_missing=True)


def _list(
    thread_id: str,
    config: RunnableConfig | None,
    filter: Mapping[str, Any] | None,
    before: RunnableConfig | None,
    limit: int | None,
) -> Call | None:
    if limit is not None and limit <= 0:
        return None
    configurable = config["configurable"] if config else {}
    asked = {
        "namespace": configurable.get("checkpoint_ns"),
        "checkpoint_id": get_checkpoint_id(config) if config else None,
        "before": get_checkpoint_id(before) if before else None,
        "metadata": json.dumps(filter) if filter else None,
        "limit": min(limit or MOST_LISTED, MOST_LISTED),
    }
    query = {name: value for name, value in asked.items() if value is not None}
    return Call("GET", thread_path(thread_id, "checkpoints"), query=query)


def _following(call: Call, page: Any, limit: int | None) -> Call | None:
    """The next page, asked of the address that was asked before: a proxy may have another name."""
    if page["next"] is None or (limit is not None and limit <= 0):
        return None
    return Call("GET", call.path, query=dict(httpx.URL(page["next"]).params))


def _stored(config: RunnableConfig, checkpoint: Checkpoint) -> RunnableConfig:
    configurable = {
        "thread_id": config["configurable"]["thread_id"],
        "checkpoint_ns": config["configurable"].get("checkpoint_ns", ""),
        "checkpoint_id": checkpoint["id"],
    }
    return cast(RunnableConfig, {"configurable": configurable})


def _runs(run_ids: Sequence[str]) -> Iterator[Call]:
    for first in range(0, len(run_ids), MOST_RUNS):
        some = [str(each) for each in run_ids[first : first + MOST_RUNS]]
        yield Call("DELETE", "/api/v1/threads/", query={"run_id": some})


def _copy(source: str, target: str) -> Call:
    return Call("POST", thread_path(source, "copy"), {"to": str(target)})


def _restore(thread_id: str, archive_id: int) -> Call:
    return Call("POST", thread_path(thread_id, "restore"), {"archive": archive_id})


def _prune(thread_ids: Sequence[str], strategy: str) -> Iterator[Call]:
    if isinstance(thread_ids, str):
        raise TypeError("thread_ids is a sequence of names, not one name.")
    if strategy not in ("keep_latest", "delete"):
        raise ValueError(f"Unknown strategy: {strategy!r}")
    for thread_id in thread_ids:
        if strategy == "delete":
            yield Call("DELETE", thread_path(thread_id))
        else:
            yield Call("POST", thread_path(thread_id, "prune"))
