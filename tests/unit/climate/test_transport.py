"""Answers without an end, over real connections: each is given up when its time is over, and no thread is left."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from climate.connectors.http import Limits, SourceError, SourceHttp, SourceMisbehaved, SourceUnavailable
from climate.connectors.http.transport import Watch

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = HEAD + b"Content-Encoding: gzip\r\n"
EMPTY_BLOCKS = b"\0\0\0\xff\xff" * 1_000
GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
GZIP_WITH_NAME = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff"
ENDLESS = {
    "the head": (HEAD + b"X: ", b"a"),
    "the body": (HEAD + b"\r\n", b"a"),
    "a chunk's extension": (CHUNKED + b"5;", b"a"),
    "headers after the body": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n"),
    "the name in gzip": (PACKED + b"\r\n" + GZIP_WITH_NAME, b"A" * 10),
    "empty blocks of gzip": (PACKED + b"\r\n" + GZIP_HEAD, EMPTY_BLOCKS[:100]),
    "a refusal": (b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"a"),
}
LIMITS = Limits(read_seconds=1.0, answer_seconds=0.3, tries=1, answer_bytes=100_000)
LONG = 20.0
"""Seconds after which a test fails that would hang for ever."""


class Server:
    """Sends `pieces` to everybody who asks, `pause` seconds after each but the first."""

    def __init__(self, pieces, pause: float = 0.02):
        self._pieces, self._pause, self._over = pieces, pause, threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        self._over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(LONG)

    def _serve(self):
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self._listening.accept()
                with connection:
                    connection.recv(65_536)
                    for piece in self._pieces():
                        connection.sendall(piece)
                        if self._over.wait(self._pause):
                            return


@contextlib.contextmanager
def serving(pieces, pause: float = 0.02) -> Iterator[Server]:
    server = Server(pieces, pause)
    try:
        yield server
    finally:
        server.close()


def ask(server, limits=LIMITS, url=None):
    """The answer or the error, from a thread that may not hang."""
    came = []

    def run():
        try:
            with SourceHttp(
                url or f"http://{server.host}", allowed_hosts=[server.host, "far.test"], limits=limits
            ) as http:
                came.append(http.get("/").content)
        except SourceError as error:
            came.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LONG)
    assert came, "the asking hangs"
    return came[0]


def endless(name):
    first, again = ENDLESS[name]
    return lambda: chain([first], repeat(again))


@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_without_an_end_is_given_up_when_its_time_is_over(name, monkeypatch):
    died = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    with serving(endless(name)) as server:
        before = threading.active_count()
        error = ask(server)
        assert threading.active_count() <= before

    assert isinstance(error, SourceMisbehaved if name == "a refusal" else SourceUnavailable)
    assert str(error) == ("the source answered 404" if name == "a refusal" else "the source did not answer in time")
    assert died == []


def test_nor_does_one_hang_that_comes_through_a_proxy(monkeypatch):
    with serving(endless("headers after the body")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
        error = ask(proxy, url="http://far.test")

    assert str(error) == "the source did not answer in time"


@pytest.mark.parametrize("name", ["the name in gzip", "empty blocks of gzip"])
def test_what_unpacks_to_nothing_counts_as_it_arrives(name):
    first, again = ENDLESS[name]
    with serving(lambda: chain([first], repeat(again * 1_000)), pause=0.0) as server:
        error = ask(server, Limits(answer_seconds=LONG / 2, tries=1, answer_bytes=100_000))

    assert str(error) == "the answer is larger than 100000 bytes"


def packed(body: bytes) -> list[bytes]:
    return [PACKED + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (gzip.compress(b"one") + gzip.compress(b" two"), b"one two"),
        (gzip.compress(b"x" * 1_000_000), "the answer is larger than 100000 bytes"),
        (gzip.compress(b"one")[:-9], "the answer broke off"),
        (b"no gzip at all", "the answer cannot be unpacked"),
    ],
    ids=["two members", "too large", "broken off", "not packed"],
)
def test_a_packed_answer_is_unpacked_within_its_limits(body, said):
    with serving(lambda: packed(body)) as server:
        came = ask(server, Limits(tries=1, answer_bytes=100_000))

    assert (came if isinstance(came, bytes) else str(came)) == said


def test_a_packing_that_was_not_asked_for_is_refused():
    with serving(lambda: [HEAD + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\nxx"]) as server:
        assert str(ask(server)) == "the answer is packed in a way that was not asked for"


def test_a_connection_that_is_closed_already_is_no_error():
    watch, sock = Watch(), socket.socket()
    sock.close()

    with watch.during(0.0):
        watch.sees(sock)
        watch._end()

    assert watch.is_over
