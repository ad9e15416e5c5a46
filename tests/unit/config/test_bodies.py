from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest

from config.server.bodies import LARGEST_BODY_BYTES, WholeBodies, _refuse


def ask(messages, *, path="/x", deadline_seconds=0.05):
    """Send a request whose body arrives as `messages` (a number waits so many seconds); what came back."""
    waiting, sent, seen = list(messages), [], []

    async def receive():
        if waiting and isinstance(waiting[0], float):
            await asyncio.sleep(waiting.pop(0))
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    async def application(scope, receive, send):
        seen.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 201, "headers": []})

    door = WholeBodies(application, deadline_seconds=deadline_seconds)
    asyncio.run(door({"type": "http", "path": path, "method": "GET"}, receive, send))
    return (sent[0]["status"] if sent else None), seen


def part(body: bytes, more: bool = False):
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_parts_arrives_whole():
    assert ask([part(b"a", True), part(b"b", True), part(b"c")]) == (201, [b"abc"])


def test_a_body_that_does_not_come_is_refused_and_takes_no_thread():
    assert ask([part(b"a", True)]) == (408, [])
    assert ask([1.0, part(b"a")]) == (408, [])


def test_a_body_beyond_the_bound_is_refused():
    assert ask([part(b"x" * (LARGEST_BODY_BYTES + 1), True)]) == (413, [])


def test_a_caller_that_has_gone_is_forgotten():
    assert ask([{"type": "http.disconnect"}]) == (None, [])


def test_the_process_answers_for_itself_while_all_threads_are_busy():
    assert ask([], path="/healthz") == (200, [])


@pytest.mark.parametrize("status", [HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE])
def test_refusals_are_problem_documents(status):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(_refuse(send, status))
    assert dict(sent[0]["headers"])[b"content-type"] == b"application/problem+json"
    assert str(status.value).encode() in sent[1]["body"]
