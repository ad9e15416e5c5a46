"""Many more at once than a budget pays for: exactly as many are admitted, in every gear, unit and level.

Two processes with a dozen threads each, so that asks meet inside a process and between processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from budgets import services
from budgets.domain.gears import GearChoice
from budgets.domain.levels import Level
from budgets.domain.spending import amounts_in
from budgets.domain.units import STEPS_PER_UNIT, Amounts, Unit
from budgets.models import Budget, SpendBucket
from budgets.selectors import list_ledger_differences
from budgets.services import escrow
from tests.integration.world import NOW, Team, make_budget, make_team

pytestmark = pytest.mark.django_db(transaction=True)
ASKED = 500
FEWER = 500 if connection.vendor == "postgresql" else 120
"""SQLite has one writer at a time and refuses under its lock: five hundred in 36 cases would take minutes."""
PAID = 50
LEVELS = (Level.ORGANISATION, Level.TEAM, Level.SESSION, Level.AGENT)
AMOUNT = Decimal(7)
ROOT = Path(__file__).resolve().parents[3]


def _database_url() -> str:
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{found['NAME']}"


@pytest.fixture(scope="module")
def _workers_env(django_db_setup: None) -> dict[str, str]:
    data_dir = os.environ["COMMONWATT_DATA_DIR"]
    return {**os.environ, "DATABASE_URL": _database_url(), "COMMONWATT_DATA_DIR": data_dir}


@pytest.fixture(scope="module")
def workers(_workers_env: dict[str, str]) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that reserve, for all tests of this module."""
    command = [sys.executable, "-m", "tests.integration.budgets.burst_worker"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, cwd=ROOT, env=_workers_env, **pipes) for _ in range(2)]
    try:
        for each in started:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        yield started
    finally:
        for each in started:
            each.kill()
            each.wait()


def _tree(team: Team, unit: Unit, scarce: Level, gear: GearChoice) -> UUID:
    """A path of four levels in one unit, of which one pays for exactly fifty; its leaf."""
    parent: UUID | None = None
    for level in LEVELS:
        parent = make_budget(
            team,
            AMOUNT * (PAID if level is scarce else 100 * ASKED),
            name=f"{unit} {scarce} {level}",
            unit=unit,
            level=level,
            parent_id=parent,
            team_id=None if level is Level.ORGANISATION else team.team_id,
            gear=gear,
        )
    assert parent is not None
    return parent


def _amounts(unit: Unit) -> Amounts:
    return amounts_in(unit, AMOUNT)


def _burst(workers: list[subprocess.Popen[str]], leaf: UUID, unit: Unit, asked: int) -> Counter[str]:
    """What became of all asks."""
    amounts = asdict(_amounts(unit))
    for each in workers:
        assert each.stdin is not None
        each.stdin.write(json.dumps({"leaf": str(leaf), "amounts": amounts, "asks": asked // 2}) + "\n")
        each.stdin.flush()
    outcomes: Counter[str] = Counter()
    for each in workers:
        assert each.stdout is not None
        outcomes.update(json.loads(each.stdout.readline()))
    return outcomes


@pytest.mark.parametrize("gear", [GearChoice.DIRECT, GearChoice.BATCHED, GearChoice.LEASED])
def test_of_many_at_once_fifty_are_admitted_whatever_unit_and_level_is_scarce(workers, gear):
    services.load_reference(now=NOW)
    team = make_team()
    used: Counter[str] = Counter()
    refusals = 0
    for unit, scarce in product(Unit, LEVELS):
        asked = FEWER if used else ASKED
        leaf = _tree(team, unit, scarce, gear)
        if gear is GearChoice.LEASED:
            escrow.tend(budget_id=leaf, amounts=_amounts(unit), asks_per_second=100.0, now=NOW)
        outcomes = _burst(workers, leaf, unit, asked)
        refused = outcomes.pop(f"refused by {scarce}")
        assert (refused, sum(outcomes.values())) == (asked - PAID, PAID), (unit, scarce, outcomes)
        assert Budget.objects.get(pk=leaf).reserved == PAID * AMOUNT * STEPS_PER_UNIT[unit]
        used += outcomes
        refusals += refused
    assert list_ledger_differences() == []
    assert sum(SpendBucket.objects.values_list("refusals", flat=True)) == refusals
    assert used[gear.value], used
