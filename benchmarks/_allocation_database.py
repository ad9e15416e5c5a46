"""The pass of allocation.py on the database that DATABASE_URL names, in a process of its own. Prints JSON.

python benchmarks/_allocation_database.py REQUESTS REGIONS
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402


def main() -> None:
    """Fill the database, run one pass, say what it took."""
    django.setup()
    from _allocation_rows import NOW, fill

    from market.models import AllocationRun
    from market.services import run_allocation_pass

    fill(requests=int(sys.argv[1]), regions=int(sys.argv[2]))
    before_mib = peak_mib()
    cpu, wall = time.process_time(), time.perf_counter()
    done = run_allocation_pass(now=NOW, trigger="benchmark", actor="benchmark")
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    run = AllocationRun.objects.get(pk=done.run_id)
    answer = {
        "cpu_s": cpu,
        "wall_s": wall,
        "before_mib": before_mib,
        "peak_mib": peak_mib(),
        "seconds": run.seconds,
        "considered": done.considered,
        "granted": done.granted,
        "waiting": done.waiting,
        "is_degraded": done.is_degraded,
        "solver": run.solver,
    }
    print(json.dumps(answer))


def peak_mib() -> float:
    """The most that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
