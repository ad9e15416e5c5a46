"""Several workers look at once: what they notice is noticed and charged once, what they trade is traded once."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import connection

from market.models import ConductFlag, Order
from market.services import run_rules
from market.services.trading.watch import watch_conduct
from tests.integration.market.trading.desk import make_trader
from tests.integration.market.trading.test_conduct import A_DAY_ON, fill_account, turned_away
from tests.integration.market.trading.test_rules import sell_rule
from tests.integration.processes import in_processes
from tests.integration.world import load_world

pytestmark = pytest.mark.django_db(transaction=True)


def test_workers_at_once_charge_once_and_place_one_order():
    load_world()
    idle = make_trader("Idle")
    fill_account(idle, 10_000)
    turned_away(make_trader("Busy").tokens)
    sell_rule(idle)

    in_processes([*[partial(_looked, watch_conduct)] * 2, *[partial(_looked, run_rules)] * 2])

    assert ConductFlag.objects.filter(team=idle.team.team_id).count() <= 1
    charged = sum(ConductFlag.objects.values_list("charge_micro_usd", flat=True))
    assert idle.balance == (10_000 - charged, 0)
    assert Order.objects.filter(status=Order.Status.OPEN).count() == 1


def _looked(look) -> int:
    try:
        return look(now=A_DAY_ON)
    finally:
        connection.close()
