"""A call that is made in a process of its own, because nothing can interrupt it in this one.

OR-tools keeps Python's lock for as long as it solves: no other thread of the process runs, and no limit of time is
looked at. A child can be waited for, and killed. It is a plain `subprocess`: Celery's workers may not have children
of `multiprocessing`. Call and answer go through pipes, pickled: both ends are this program.
"""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from market.domain.placement.problem import SolverFailed

ROOT = Path(__file__).resolve().parents[2]
CHILD = "market.connectors.solver_child"
MEANWHILE_SECONDS = 15.0
"""How often `meanwhile` is called."""
LONGEST_REASON = 200
Answer = TypeVar("Answer")


def call_in_child(call: Callable[[], Answer], *, seconds: float, meanwhile: Callable[[], object]) -> Answer:
    """What `call` returns: a `partial` of a function of a module that needs no Django, with values that pickle.

    `meanwhile` is called now and then while the child is at work; where it raises, the child is killed and the error
    goes on. Raises SolverFailed where the call does, and where the child is not done after `seconds`, does not start,
    dies (also of a lack of memory) or is killed. No child is left behind, however this process ends.
    """
    try:
        child = _start(seconds)
    except OSError as error:
        raise SolverFailed(f"The process of the solver did not start: {error.strerror}.") from error
    with child:
        try:
            given = pickle.dumps(call, protocol=pickle.HIGHEST_PROTOCOL)
            answer, complaints = _wait(child, given, seconds=seconds, meanwhile=meanwhile)
        finally:
            child.kill()
    if child.returncode != 0:
        raise SolverFailed(_reason(child.returncode, complaints))
    found = pickle.loads(answer)  # noqa: S301  # written by our own child
    if isinstance(found, SolverFailed):
        raise found
    result: Answer = found
    return result


def _start(seconds: float) -> subprocess.Popen[bytes]:
    # In a session of its own: Ctrl-C in the terminal of the server is not meant for it.
    return subprocess.Popen(  # noqa: S603  # our own module
        [sys.executable, "-m", CHILD, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )


def _wait(
    child: subprocess.Popen[bytes], given: bytes, *, seconds: float, meanwhile: Callable[[], object]
) -> tuple[bytes, bytes]:
    """What the child wrote to its two outputs. Raises SolverFailed after `seconds`."""
    ends_at = time.monotonic() + seconds
    unsent: bytes | None = given
    while (left := ends_at - time.monotonic()) > 0:
        try:
            return child.communicate(unsent, timeout=min(left, MEANWHILE_SECONDS))
        except subprocess.TimeoutExpired:
            unsent = None  # communicate goes on with the rest by itself
            meanwhile()
    raise SolverFailed(f"The solver took longer than {seconds:g} s and was stopped.")


def _reason(code: int, complaints: bytes) -> str:
    how = f"was killed by {_name_of(-code)}" if code < 0 else f"ended with code {code}"
    lines = complaints.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return f"The process of the solver {how}: {last[:LONGEST_REASON]}"


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no names
        return f"signal {number}"
