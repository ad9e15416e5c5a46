"""A process of its own that grants in batches from a few threads, and moves, settles or gives back what it got.

One order as a JSON line in, what became of all asks out.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

THREADS = 2


def lane(order: dict[str, Any], seed: int) -> dict[str, int]:
    """So many batches, each in a transaction of its own; afterwards a part of what was granted is dealt with."""
    from config.kernel.errors import DomainError
    from config.kernel.transactions import in_transaction
    from market.domain.inline import InlineGrant
    from market.services import grant_inline
    from tests.integration.world import NOW

    chance, outcomes = random.Random(seed), Counter[str]()  # no secret
    for _ in range(order["batches"]):
        asks = [_ask(order, chance) for _ in range(chance.randint(1, 12))]
        answers = in_transaction(lambda asks=asks: grant_inline(asks, now=NOW))
        outcomes.update("granted" if isinstance(each, InlineGrant) else each.code for each in answers)
        for answer in answers:
            if isinstance(answer, InlineGrant):
                try:
                    outcomes[_then(answer, order, chance)] += 1
                except DomainError as refusal:
                    outcomes[f"then {refusal.code}"] += 1
    return outcomes


def _ask(order: dict[str, Any], chance: random.Random) -> Any:
    from accounts.domain.principal import Principal
    from budgets.domain.estimates import Mode
    from market.domain.inline import InlineAsk
    from tests.integration.world import NOW

    payer = chance.choice(order["payers"])
    principal = Principal(
        actor="lane",
        team_id=payer["team"],
        organisation_id=payer["organisation"],
        country_code=payer["country"],
        claimable_origins=frozenset("*"),
        claimable_purposes=frozenset("*"),
    )
    tokens = chance.choice(order["tokens"])
    return InlineAsk(
        request_id=uuid4(),
        principal=principal,
        purpose="general_ai_research",
        origin=payer["country"],
        model_class="S",
        tokens=tokens,
        input_tokens=0,
        tokens_basis="stated",
        regions=chance.sample(order["regions"], len(order["regions"])),
        lease_expires_at=NOW + timedelta(minutes=5),
        budget_id=UUID(payer["budget"]),
        least_tokens=tokens if order["is_whole"] else 10,
        mode=Mode.EXPRESS,
    )


def _then(answer: Any, order: dict[str, Any], chance: random.Random) -> str:
    from market.services import move_inline, release, settle
    from tests.integration.world import NOW

    what = chance.choice(order["then"])
    if what == "move":
        moved = {"routing": {}, "regions": chance.sample(order["regions"], 1), "why": "race"}
        move_inline(request_id=answer.request_id, actor="lane", now=NOW, **moved)
    elif what == "release":
        release(request_id=answer.request_id, actor="lane", now=NOW)
    elif what == "settle":
        used = {"used_tokens": chance.randint(1, answer.granted_tokens), "quality": None, "collaboration": None}
        settle(request_id=answer.request_id, actor="lane", now=NOW, **used)
    return what


def say(line: str) -> None:
    """Answer, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Answer orders until the input ends."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from market.selectors.scenes import forget_scene

    with ThreadPoolExecutor(THREADS) as threads:
        say("ready")
        for line in sys.stdin:
            forget_scene()  # each order comes from a test with a world of its own
            order = json.loads(line)
            seeds = [order["seed"] * THREADS + index for index in range(THREADS)]
            say(json.dumps(sum(threads.map(lane, [order] * THREADS, seeds), Counter())))


if __name__ == "__main__":
    main()
