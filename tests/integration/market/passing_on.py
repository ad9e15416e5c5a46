"""Processes that run a pass and can be told where to die: `python -m ... STEP STEP ...`.

Each step is a child of its own, so that Django starts once. Steps: `fill` makes work that waits and a
first plan; the name of a stage dies as it begins; `rows` and `holds` die inside the last transaction;
`after` right after it; `run` runs to the end. Prints the exit code of each and what it left, as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

import django
from django.core.management import call_command
from django.db import connections

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


def main(steps: list[str]) -> None:
    """Do them one after the other."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    connections.close_all()  # no child shares one
    sys.stdout.write(json.dumps({step: in_a_child(step) for step in steps}))


def in_a_child(step: str) -> dict[str, Any]:
    """How a step ended, and what it found there; nothing of one that died."""
    fork = multiprocessing.get_context("fork")
    told, tells = fork.Pipe(duplex=False)
    child = fork.Process(target=work, args=(step, tells))
    child.start()
    tells.close()
    try:
        found = told.recv()
    except EOFError:
        found = None
    child.join()
    return {"exit": child.exitcode, "found": found}


def work(step: str, tells: Connection) -> None:
    """One step, to its end or death."""
    from tests.integration.market import planned_work
    from tests.integration.world import load_world, make_budget, make_team

    if step == "fill":
        load_world()
        team = make_team()
        make_budget(team, 100_000, is_default=True)
        planned_work.ask(team.principal)
        planned_work.run()
        planned_work.ask(team.principal, tokens=500)
    else:
        runs_before = what_there_is()["runs"]
        planned_work.run(now=NOW + runs_before * timedelta(minutes=11), tell=arm(step))
    tells.send(what_there_is())


def arm(step: str) -> Any:
    """Put a kill where the step says; what a pass tells its stages to."""
    from market.services.passes import passing, storing

    if step == "rows":
        storing._withdrawn = die
    if step == "holds":
        storing._keep_fund = die
    if step == "after":
        passing.take_up_due = die
    return lambda stage: die() if stage == step else None


def die(*args: Any, **kwargs: Any) -> Any:
    """As if the power went."""
    os.kill(os.getpid(), signal.SIGKILL)


def what_there_is() -> dict[str, Any]:
    """The plan in force, what it keeps, and leftovers."""
    from market.models import AllocationRun
    from market.services.passes.rows import list_stored_runs
    from tests.integration.market.planned_work import plan_differences, plan_in_force

    in_force = plan_in_force()
    return {
        "runs": AllocationRun.objects.count(),
        "planned": in_force.planned_tokens if in_force else None,
        "in force": in_force.pk if in_force else None,
        "differences": plan_differences(),
        "stored": list_stored_runs(),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
