"""Several processes take in and keep the same registry units: no serial number is stored or used twice."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from django.db import connection

from config.kernel.errors import Conflict, InvalidInput
from market.domain.trading.registry import UnitBlock
from market.models import Order, RegistryUnit
from market.services.trading.registry import UnitsRefused
from tests.integration.market.trading.desk import make_trader, sell
from tests.integration.market.trading.test_registry import BLOCK, GRAMS, bring, keep, used
from tests.integration.processes import in_processes
from tests.integration.world import load_world, make_team


@pytest.mark.django_db(transaction=True)
def test_two_processes_store_overlapping_blocks_and_one_is_refused():
    load_world()
    team_id = make_team("Race").team_id
    spans = [replace(BLOCK, serial_first=first, serial_last=first + 10) for first in (1, 5, 9, 11)]

    done = in_processes([partial(_tried, team_id, block) for block in spans])

    numbers = [
        number
        for first, last in RegistryUnit.objects.values_list("serial_first", "serial_last")
        for number in range(first, last + 1)
    ]
    assert len(numbers) == len(set(numbers))
    assert done.count("stored") == RegistryUnit.objects.count() >= 1


def _tried(team_id: int, block: UnitBlock) -> str:
    try:
        bring(team_id, block)
    except (Conflict, UnitsRefused) as refusal:
        return refusal.code
    finally:
        connection.close()
    return "stored"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_processes_keep_the_same_units_and_none_is_kept_twice():
    load_world()
    trader = make_trader("Race")
    bring(trader.team.team_id, BLOCK)
    orders = [sell(trader, 1_000) for _ in range(4)]

    done = in_processes([partial(_kept, order.pk) for order in orders])

    assert sorted(done) == ["kept", "kept", "not_covered", "not_covered"]
    assert used() == [GRAMS]


def _kept(number: int) -> str:
    try:
        keep(Order.objects.get(pk=number), GRAMS // 2)
    except InvalidInput as refusal:
        return refusal.code
    finally:
        connection.close()
    return "kept"
