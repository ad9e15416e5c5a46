"""A worker or scheduler that ends unasked is started again; one that is asked to ends."""

from __future__ import annotations

import threading
import time

import pytest

from config.server import background
from config.server.background import KeptAlive


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(background, "RESTART_AFTER_SECONDS", 0.01)


class Fake:
    """A loop that breaks with `error`, or waits to be stopped if that is None."""

    def __init__(self, error: BaseException | None):
        self.error = error
        self.stopped = threading.Event()

    def run(self) -> None:
        if self.error:
            raise self.error
        self.stopped.wait(5)

    def stop(self) -> None:
        self.stopped.set()


def _until(condition) -> bool:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


@pytest.mark.parametrize("error", [RuntimeError("broken"), SystemExit(1)])
def test_a_broken_loop_is_replaced_by_a_new_one(error):
    loops = [Fake(error), Fake(error), Fake(None)]
    made = iter(loops)
    part = KeptAlive("worker", lambda: next(made))
    part.start()

    assert _until(lambda: part.is_running and part.restarts == 2)
    part.ask_to_stop()
    assert part.wait(5)


def test_a_loop_that_cannot_be_made_is_tried_again():
    outcomes = iter([OSError("no broker"), None])

    def make() -> Fake:
        if error := next(outcomes):
            raise error
        return Fake(None)

    part = KeptAlive("worker", make)
    part.start()

    assert _until(lambda: part.is_running and part.restarts == 1)
    part.ask_to_stop()
    assert part.wait(5)


def test_a_stopped_loop_is_not_started_again():
    loop = Fake(None)
    part = KeptAlive("scheduler", lambda: loop)
    part.start()
    assert _until(lambda: part.is_running)

    part.ask_to_stop()

    assert part.wait(5)
    assert loop.stopped.is_set()
    assert not part.is_running
    assert part.restarts == 0
