"""`python -m tests.servers -- COMMAND...` runs a command with DATABASE_URL and REDIS_URL set.

Servers that the environment does not name already are started for it and stopped after it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

from tests.servers.postgres import running_postgres
from tests.servers.redis import running_redis


def main(arguments: list[str]) -> int:
    """Run the command; its exit code is ours. A server that does not start raises."""
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        raise SystemExit(__doc__)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # so that servers are stopped
    with contextlib.ExitStack() as servers:
        for variable, starter in (("DATABASE_URL", running_postgres), ("REDIS_URL", running_redis)):
            if not os.environ.get(variable):
                os.environ[variable] = servers.enter_context(starter())
        return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
