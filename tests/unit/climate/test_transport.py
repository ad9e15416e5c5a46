"""The end of a connection whose head takes too long."""

from __future__ import annotations

import threading

import pytest

from climate.connectors.http.transport import _BoundedHead


class Closing(_BoundedHead):
    """Its other thread closes it between two looks at its socket."""

    def __init__(self, sock):
        self.looks = [sock, None]

    @property
    def sock(self):
        return self.looks.pop(0)


class Socket:
    def __init__(self, error=None):
        self.error, self.is_shut = error, False

    def shutdown(self, how):
        self.is_shut = True
        if self.error:
            raise self.error


@pytest.mark.parametrize("error", [None, OSError("closed already")])
def test_a_connection_that_is_closed_in_the_same_moment_is_no_error(error):
    sock, is_over = Socket(error), threading.Event()
    Closing(sock)._end(is_over)
    assert (sock.is_shut, is_over.is_set()) == (True, True)


def test_a_connection_that_is_closed_already_is_left_alone():
    is_over = threading.Event()
    Closing(None)._end(is_over)
    assert is_over.is_set()
