"""Worker and scheduler as threads of the serving process, kept alive.

A loop that ends while it should run is started again: what it was working on is in the database,
and periodic sweeps take it up.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from celery import Celery
from celery.app.trace import setup_worker_optimizations
from celery.beat import Service
from celery.platforms import EX_OK
from celery.worker import state as worker_state
from django.db import connections

logger = logging.getLogger(__name__)

POOL_THREADS = 4  # a slow collector must not hold up the sweep
RESTART_AFTER_SECONDS = 1.0
START_WITHIN_SECONDS = 10.0
STOP_WITHIN_SECONDS = 4.0
BEAT_SLEEPS_SECONDS = 1  # at most, so that it hears a stop
STARTING_TASKS = ("climate.tasks.collect_due_sources",)  # not worth waiting for the first tick


class Loop(Protocol):
    """Something that runs until it is told to stop."""

    def run(self) -> None:
        """Work; return only when stopped or broken."""

    def stop(self) -> None:
        """Ask `run` to return soon."""


class WorkerLoop:
    """Celery's worker without its command line: no signals, no processes."""

    def __init__(self, app: Celery):
        setup_worker_optimizations(app, app.main)
        worker_state.should_stop = None
        # Building it sends worker_init, which makes tasks give back their database connections.
        self._worker = app.WorkController(
            pool="threads",
            concurrency=POOL_THREADS,
            use_eventloop=False,
            without_gossip=True,
            without_heartbeat=True,
            without_mingle=True,
        )

    def run(self) -> None:
        """Take tasks from the broker and work on them."""
        self._worker.start()

    def stop(self) -> None:
        """Let the loop of the worker raise its own shutdown."""
        worker_state.should_stop = EX_OK  # type: ignore[assignment]  # the stubs know only the initial None


class BeatLoop:
    """Celery's scheduler, with the schedule that administrators edit in the database."""

    def __init__(self, app: Celery):
        self._service = Service(app, max_interval=BEAT_SLEEPS_SECONDS, scheduler_cls=app.conf.beat_scheduler)

    def run(self) -> None:
        """Send tasks when they are due."""
        self._service.start()

    def stop(self) -> None:
        """Return after the current sleep."""
        self._service.stop()


class KeptAlive:
    """A thread around a loop that makes and runs a new loop whenever one ends unasked."""

    def __init__(self, name: str, make: Callable[[], Loop]):
        self.name = name
        self.restarts = 0
        self._make = make
        self._loop: Loop | None = None
        self._has_begun = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_running, name=name, daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether a loop is at work at this moment."""
        return self._thread.is_alive() and self._loop is not None

    def start(self) -> None:
        """Begin; return at once."""
        self._thread.start()

    def wait_for_begin(self, seconds: float) -> bool:
        """Wait until the first loop is made; whether it was."""
        return self._has_begun.wait(seconds)

    def ask_to_stop(self) -> None:
        """End the loop and do not start another."""
        self._stopping.set()
        if self._loop is not None:
            self._loop.stop()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _keep_running(self) -> None:
        while not self._stopping.is_set():
            try:
                self._loop = self._make()
                self._has_begun.set()
                self._loop.run()
            except BaseException:  # a worker also ends by raising SystemExit
                logger.exception("%s ended by an error", self.name)
            finally:
                self._loop = None
                connections.close_all()
            if not self._stopping.wait(RESTART_AFTER_SECONDS):
                self.restarts += 1
                logger.error("%s has ended and is started again", self.name)


class Background:
    """The worker and the scheduler of this process."""

    def __init__(self, app: Celery):
        self._app = app
        self.parts = (
            KeptAlive("worker", lambda: WorkerLoop(app)),
            KeptAlive("scheduler", lambda: BeatLoop(app)),
        )

    def start(self) -> None:
        """Start both, and what should not wait for its first tick; return when they are at work."""
        for part in self.parts:
            part.start()
        for part in self.parts:
            if not part.wait_for_begin(START_WITHIN_SECONDS):
                logger.error("%s does not start yet; it is tried again and again", part.name)
        for name in STARTING_TASKS:
            self._app.send_task(name)

    def stop(self) -> bool:
        """Stop both; whether they ended in time."""
        for part in self.parts:
            part.ask_to_stop()
        ended = [part.wait(STOP_WITHIN_SECONDS) for part in self.parts]
        return all(ended)


_of_this_process: Background | None = None


def start_background(app: Celery) -> Background:
    """Start the worker and the scheduler of this process, once."""
    global _of_this_process
    if _of_this_process is not None:
        raise RuntimeError("The worker and the scheduler of this process have been started already.")
    _of_this_process = Background(app)
    _of_this_process.start()
    return _of_this_process


def find_background() -> Background | None:
    """The worker and the scheduler of this process, if it has any."""
    return _of_this_process
