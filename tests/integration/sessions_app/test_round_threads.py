"""Rounds are driven beside the workers, not in them."""

from __future__ import annotations

from threading import Event

import pytest

from sessions_app.services.rounds import threads

HANGS_SECONDS = 20.0


@pytest.fixture
def hanging():
    """Something that as many threads wait for as there may be."""
    go_on, done = Event(), Event()
    assert all(threads.set_off(lambda: go_on.wait(HANGS_SECONDS)) for _ in range(threads.MOST_AT_ONCE))
    yield go_on
    go_on.set()
    while not threads.set_off(done.set):
        continue
    assert done.wait(HANGS_SECONDS)


def test_whoever_offers_a_round_waits_for_none_and_beyond_the_room_it_stays_in_the_list(hanging):
    begun = Event()
    assert not threads.set_off(begun.set)
    hanging.set()
    while not threads.set_off(begun.set):
        continue
    assert begun.wait(HANGS_SECONDS)


def test_a_round_that_breaks_off_gives_its_room_back(caplog):
    def breaks():
        raise RuntimeError("out of the blue")

    for _ in range(2 * threads.MOST_AT_ONCE):
        while not threads.set_off(breaks):
            continue
    last = Event()
    while not threads.set_off(last.set):
        continue
    assert last.wait(HANGS_SECONDS)
    assert "broke off" in caplog.text
