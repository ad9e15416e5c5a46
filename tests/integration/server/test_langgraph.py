"""LangGraph's own tests of a checkpointer, on the client over HTTP; and what its savers do not promise."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial

import pytest
from commonwatt_langgraph import CommonwattSaver, StaleParent
from langgraph.checkpoint.base import empty_checkpoint, uuid6
from langgraph.checkpoint.conformance import checkpointer_test, validate

from tests.integration.server.conftest import Deployment
from tests.servers.commonwatt import all_at_once

CAPABILITIES = {
    *("put", "put_writes", "get_tuple", "list", "delete_thread"),
    *("delete_for_runs", "copy_thread", "prune"),
}
WRITERS = 4
INCREMENTS = 5


def _conforms(deployment: Deployment) -> None:
    server = deployment.servers[-1]

    @checkpointer_test(name=f"CommonwattSaver {server.url}")
    async def saver():
        async with CommonwattSaver(server.url, deployment.api_key) as made:
            yield made

    report = asyncio.run(validate(saver))
    assert [each for result in report.results.values() for each in result.failures or []] == []
    assert {name for name, result in report.results.items() if result.passed} == CAPABILITIES


def _increment(saver: CommonwattSaver, thread: dict, times: int) -> int:
    """Add one to a channel some times, reading again whenever somebody else was faster; how often that was."""
    lost = 0
    for _ in range(times):
        while True:
            try:
                _add_one(saver, thread)
                break
            except StaleParent:
                lost += 1
    return lost


def _add_one(saver: CommonwattSaver, thread: dict) -> None:
    known = saver.get_tuple(thread)
    count = known.checkpoint["channel_values"]["count"] + 1 if known else 1
    version = saver.get_next_version(known.checkpoint["channel_versions"]["count"] if known else None, None)
    checkpoint = {
        **empty_checkpoint(),
        "id": str(uuid6(clock_seq=count)),
        "channel_values": {"count": count},
        "channel_versions": {"count": version},
    }
    saver.put(known.config if known else thread, checkpoint, {"source": "loop", "step": count}, {"count": version})


def _loses_no_increment(deployment: Deployment) -> None:
    thread = {"configurable": {"thread_id": f"counter/{uuid.uuid4()}", "checkpoint_ns": ""}}
    urls = [server.url for server in deployment.servers]
    savers = [
        CommonwattSaver(urls[number % len(urls)], deployment.api_key, refuse_forks=True) for number in range(WRITERS)
    ]
    all_at_once([partial(_increment, saver, thread, INCREMENTS) for saver in savers])
    told = list(savers[0].list(thread))
    counts = [each.checkpoint["channel_values"]["count"] for each in told]
    for saver in savers:
        saver.close()
    assert counts == list(range(WRITERS * INCREMENTS, 0, -1))


@pytest.mark.sqlite
def test_the_client_conforms_to_langgraph_in_every_capability_on_sqlite(embedded):
    _conforms(embedded)


@pytest.mark.postgres
@pytest.mark.redis
def test_the_client_conforms_to_langgraph_in_every_capability_on_postgresql(spread):
    _conforms(spread)


@pytest.mark.sqlite
def test_writers_of_one_thread_lose_no_increment_on_sqlite(embedded):
    _loses_no_increment(embedded)


@pytest.mark.postgres
@pytest.mark.redis
def test_writers_of_one_thread_lose_no_increment_through_two_processes(spread):
    _loses_no_increment(spread)
