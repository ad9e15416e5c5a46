"""The child of `solver`: `python -m market.connectors.solver_child SECONDS` makes the call it reads, and answers.

It ends with its parent. A thread that waits for the parent's end would wait for Python's lock, which the solver keeps;
so the kernel is asked to do it: at once on Linux, elsewhere by an alarm a little after the time is over.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
ALARM_AFTER_SECONDS = 5.0
FIRST_OUT_OF_MEMORY = "1000"


def main(seconds: float) -> None:
    """Read a call, make it, write what it returns or the SolverFailed it raises."""
    _end_with_parent(seconds)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no part of the answer
    call = pickle.load(sys.stdin.buffer)  # noqa: S301  # written by our own parent
    from market.domain.placement.problem import SolverFailed

    try:
        answer = call()
    except SolverFailed as failed:
        answer = failed
    with answers:
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)


def _end_with_parent(seconds: float) -> None:
    # A service manager may ask all processes to stop: the parent decides, which may want to finish its pass.
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + ALARM_AFTER_SECONDS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        with contextlib.suppress(OSError):  # if memory runs out, rather this process than the server
            Path("/proc/self/oom_score_adj").write_text(FIRST_OUT_OF_MEMORY)


if __name__ == "__main__":
    main(float(sys.argv[1]))
