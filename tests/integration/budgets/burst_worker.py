"""A process of its own that reserves with many threads: one order as a JSON line in, one result out."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts
from budgets.services import place_hold
from tests.integration.world import NOW

THREADS = 12


def try_to_hold(leaf: UUID, amounts: Amounts) -> str:
    """The gear of the hold, or what the refusal says."""
    try:
        placed = place_hold(
            budget_id=leaf,
            amounts=amounts,
            reference=f"burst:{uuid4()}",
            lease_expires_at=NOW + timedelta(hours=1),
            actor="burst",
            now=NOW,
        )
    except BudgetExhausted as refusal:
        return f"refused by {refusal.facts['level']}"
    except Exception as error:
        return f"failed: {error!r}"
    return placed.gear.value


def main() -> None:
    """Answer orders until the input ends."""
    with ThreadPoolExecutor(THREADS) as threads:
        print("ready", flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            leaf, amounts = UUID(order["leaf"]), Amounts(**order["amounts"])
            results = threads.map(lambda _, of=(leaf, amounts): try_to_hold(*of), range(order["asks"]))
            print(json.dumps(list(results)), flush=True)


if __name__ == "__main__":
    main()
