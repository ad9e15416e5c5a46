"""kill -9 wherever a pass can be: the plan before stays in force, whole, until the new one is, whole."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.servers.commonwatt import ROOT, environment
from tests.servers.databases import fresh_database, migrated_environment

BEFORE = ("green", "rows", "holds")


def _run(*steps: str, env: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.integration.market.passing_on", *steps]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _killed_everywhere(env: dict[str, str]) -> None:
    done = _run("fill", *BEFORE, "after", "run", env=env)
    killed = {step: each["exit"] for step, each in done.items()}
    assert killed == {"fill": 0, **dict.fromkeys((*BEFORE, "after"), -9), "run": 0}
    first, last = done["fill"]["found"]["in force"], done["run"]["found"]
    assert (last["planned"], last["differences"]) == (1500, [])
    # The second-to-last was killed after its commit: its plan was in force, and nothing has changed since.
    assert last["in force"] == first + len(BEFORE) + 1
    assert last["stored"] == [first, last["in force"]]


@pytest.mark.sqlite
def test_a_kill_anywhere_leaves_one_whole_plan_on_sqlite(tmp_path):
    _killed_everywhere(migrated_environment(tmp_path))


@pytest.mark.postgres
def test_a_kill_anywhere_leaves_one_whole_plan_on_postgresql(tmp_path):
    with fresh_database() as database_url:
        _killed_everywhere(environment(tmp_path, DATABASE_URL=database_url))
