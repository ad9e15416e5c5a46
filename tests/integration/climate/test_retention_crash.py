"""kill -9 at every step of archiving: each reading is in the table or in a listed file, and the rest is made up."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.servers.commonwatt import ROOT, environment, manage
from tests.servers.databases import fresh_database, migrated_environment

HOURS = [100.0 + hour for hour in range(48)]
STEPS = ("draft", "named", "listed", "means", "deleted", "committed")


def _run(step: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.integration.climate.retiring", step]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120)


def _killed_at_every_step(env: dict[str, str]) -> None:
    assert manage("migrate", "--verbosity", "0", env=env).returncode == 0
    filled = _run("fill", env)
    assert filled.returncode == 0, filled.stderr
    for step in STEPS:
        died = _run(step, env)
        assert died.returncode == -9, died.stdout + died.stderr
    after = _run("run", env)
    assert after.returncode == 0, after.stderr
    found = json.loads(after.stdout)
    assert found["in the table"] == []
    assert found["in files"] == HOURS
    assert found["means"] == 48
    assert found["files"] == ["readings-2025-01-01.csv.gz", "readings-2025-01-02.csv.gz"]


@pytest.mark.sqlite
def test_a_kill_at_any_step_loses_no_reading_on_sqlite(tmp_path):
    _killed_at_every_step(migrated_environment(tmp_path))


@pytest.mark.postgres
def test_a_kill_at_any_step_loses_no_reading_on_postgresql(tmp_path):
    with fresh_database() as database_url:
        _killed_at_every_step(environment(tmp_path, DATABASE_URL=database_url))
