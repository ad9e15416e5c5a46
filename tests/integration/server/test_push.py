"""A decision made through one process is seen on a socket of the other."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
import websockets

from tests.integration.server.asking import request_body
from tests.integration.server.conftest import Deployment

WITHIN_SECONDS = 2.0


async def _seconds_until_seen(deployment: Deployment) -> float:
    """Open the dashboard's socket on the last process, decide on the first, wait for the decision to appear."""
    watched, client = deployment.servers[-1], deployment.client
    address = watched.url.replace("http", "ws") + "/ws/dashboard/"
    async with websockets.connect(address, origin=watched.url) as socket:
        await asyncio.wait_for(socket.recv(), 10)  # the snapshot
        started = time.monotonic()
        answer = await asyncio.to_thread(client.post, "requests/", request_body())
        assert answer.status_code == 201, answer.text
        async with asyncio.timeout(30):
            while answer.json()["id"] not in json.dumps(json.loads(await socket.recv())):
                pass
        return time.monotonic() - started


@pytest.mark.postgres
@pytest.mark.redis
def test_a_decision_of_one_process_reaches_a_socket_of_the_other(spread):
    asyncio.run(_seconds_until_seen(spread))  # the first ever loads data lazily

    assert asyncio.run(_seconds_until_seen(spread)) < WITHIN_SECONDS


async def _stays_open_while_quiet(deployment: Deployment, seconds: float) -> bool:
    """Whether a socket that hears nothing of interest for so long is still open."""
    address = deployment.servers[0].url.replace("http", "ws") + "/ws/dashboard/"
    async with websockets.connect(address, origin=deployment.servers[0].url) as socket:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await socket.recv()
        except TimeoutError:
            return True
        except websockets.ConnectionClosed:
            return False


@pytest.mark.postgres
@pytest.mark.redis
def test_a_quiet_socket_stays_open(spread):
    assert asyncio.run(_stays_open_while_quiet(spread, 8))  # longer than one wait for news in Redis


@pytest.mark.sqlite
def test_a_decision_reaches_a_socket_of_the_embedded_process(embedded):
    asyncio.run(_seconds_until_seen(embedded))

    assert asyncio.run(_seconds_until_seen(embedded)) < WITHIN_SECONDS
