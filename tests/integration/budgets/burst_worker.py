"""A process of its own that reserves with many threads: one order as a JSON line in, one result out."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

THREADS = 12


def try_to_hold(leaf: UUID, amounts: dict[str, int]) -> str:
    """The gear of the hold, or what the refusal says."""
    from budgets.domain.refusals import BudgetExhausted
    from budgets.domain.units import Amounts
    from budgets.services import place_hold
    from tests.integration.world import NOW

    try:
        placed = place_hold(
            budget_id=leaf,
            amounts=Amounts(**amounts),
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


def say(line: str) -> None:
    """Answer, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Answer orders until the input ends."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    with ThreadPoolExecutor(THREADS) as threads:
        say("ready")
        for line in sys.stdin:
            order = json.loads(line)
            leaf, amounts, asks = UUID(order["leaf"]), order["amounts"], order["asks"]
            say(json.dumps(list(threads.map(try_to_hold, [leaf] * asks, [amounts] * asks))))


if __name__ == "__main__":
    main()
