from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest
from a2wsgi import WSGIMiddleware

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
    asyncio.run(door({"type": "http", "path": path, "method": "GET", "headers": []}, receive, send))
    return (sent[0]["status"] if sent else None), seen


def part(body: bytes, more: bool = False):
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_parts_arrives_whole():
    assert ask([part(b"a", True), part(b"b", True), part(b"c")]) == (201, [b"abc"])


@pytest.mark.parametrize("sent", [None, b"5"])
def test_who_reads_by_length_can_read_a_body_that_came_without_one(sent):
    found = []

    def reader(environ, start_response):
        found.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start_response("200 OK", [])
        return [b""]

    async def ask():
        waiting = [part(b"he", True), part(b"llo")]
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "http_version": "1.1"}
        headers = [(b"transfer-encoding", b"chunked")] if sent is None else [(b"content-length", sent)]

        async def receive():
            return waiting.pop(0) if waiting else await asyncio.sleep(60)

        async def send(_message):
            pass

        await WholeBodies(WSGIMiddleware(reader, workers=1))({**scope, "headers": headers}, receive, send)

    asyncio.run(asyncio.wait_for(ask(), 30))
    assert found == [b"hello"]


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


class Connection:
    """A caller who sends an empty body, reads some parts and then goes away, or just stops to read."""

    def __init__(self, *, reads: int, then_goes: bool):
        self.reads, self.then_goes = reads, then_goes
        self.taken: list[bytes] = []
        self.gone = asyncio.Event()
        self.begun = False

    async def receive(self):
        if not self.begun:
            self.begun = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        if message["type"] == "http.response.body" and message["body"]:
            if len(self.taken) == self.reads:
                if not self.then_goes:
                    await asyncio.sleep(3600)
                self.gone.set()
                return
            self.taken.append(message["body"])


def endless(environ, start_response):
    """Parts without an end, for as long as somebody is there."""
    start_response("200 OK", [])
    caller = environ["asgi.scope"]["caller"]
    while not caller.is_gone():
        yield b"part"


@pytest.mark.parametrize("then_goes", [True, False])
def test_an_endless_answer_ends_when_its_reader_goes_or_stops_to_read(monkeypatch, then_goes):
    monkeypatch.setattr("config.server.bodies.READER_SECONDS", 0.05)
    connection = Connection(reads=3, then_goes=then_goes)

    async def ask():
        application = WholeBodies(WSGIMiddleware(endless, workers=1))
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": [],
            "http_version": "1.1",
        }
        await asyncio.wait_for(application(scope, connection.receive, connection.send), 30)

    asyncio.run(ask())
    assert connection.taken == [b"part"] * 3
