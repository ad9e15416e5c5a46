"""What a batch takes of this hour and of the Fund: locked in the order that everybody keeps, hours before the Fund."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from config.kernel.events import publish
from config.kernel.inserting import insert_rows
from config.kernel.raw import Statement, is_postgresql, run
from config.kernel.sql import marks
from market.events import FundChanged
from market.models import FUND_NAME, FundEntry
from market.services.inline.deciding import Grant, Place, Room

LOCK = " FOR NO KEY UPDATE OF hour"
HOURS = """
SELECT hour.region_id, hour.model_class, hour.promised_tokens + hour.planned_tokens, hour.id,
       (SELECT balance_micro_usd - reserved_micro_usd FROM market_fund WHERE name = %s)
  FROM market_regionhour hour
 WHERE hour.starts_at = %s AND (hour.region_id, hour.model_class) IN (VALUES {})
 ORDER BY hour.region_id, hour.model_class
"""
NEW_HOUR = """
INSERT INTO market_regionhour (region_id, model_class, starts_at, capacity_tokens, promised_tokens, planned_tokens)
VALUES {} ON CONFLICT DO NOTHING
"""
PROMISE = "UPDATE market_regionhour SET promised_tokens = promised_tokens + %s, capacity_tokens = %s WHERE id = %s"
RESERVE = """
UPDATE market_fund SET reserved_micro_usd = reserved_micro_usd + %s
 WHERE name = %s AND balance_micro_usd >= reserved_micro_usd + %s RETURNING 1
"""
FUND = "SELECT balance_micro_usd - reserved_micro_usd FROM market_fund WHERE name = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """This hour at the places that a batch may take of: locked until its transaction ends."""

    room: Room
    ids: Mapping[Place, int]


def lock_hours(capacities: Mapping[Place, int], *, hour: datetime) -> Hours:
    """Lock this hour at these places, by region and class; where nobody took of it before it is made."""
    if not capacities:
        return Hours(room=Room(taken={}, fund_available_micro_usd=lock_free_fund()), ids={})
    found = _locked(capacities, hour)
    if len(found) < len(capacities):
        _make(capacities, hour)
        found = _locked(capacities, hour)
    taken = {(region, model_class): tokens for region, model_class, tokens, _, _ in found}
    ids = {(region, model_class): row_id for region, model_class, _, row_id, _ in found}
    return Hours(room=Room(taken=taken, fund_available_micro_usd=found[0][4] or 0), ids=ids)


def lock_free_fund(*, is_locked: bool = False) -> int:
    """What the Fund can still promise, micro-USD; with `is_locked` until the transaction ends."""
    found = run(f"{FUND}{' FOR UPDATE' if is_locked and is_postgresql() else ''}", [FUND_NAME])
    return int(found[0][0]) if found else 0


def reserve_fund(micro_usd: int) -> bool:
    """Promise so much of the Fund; False, with nothing changed, if it is not there any more. Below zero, give back."""
    return bool(run(RESERVE, [micro_usd, FUND_NAME, micro_usd]))


def promises(grants: Iterable[Grant], ids: Mapping[Place, int]) -> list[Statement]:
    """What promises that which was granted, in hours that are locked."""
    tokens: Counter[Place] = Counter()
    capacity: dict[Place, int] = {}
    for each in grants:
        tokens[each.place] += each.tokens
        # An administrator may have changed the region's capacity since this hour was first used.
        capacity[each.place] = each.candidate.capacity_tokens
    return [(PROMISE, [of_place, capacity[place], ids[place]]) for place, of_place in tokens.items()]


def note_promises(promises: Sequence[tuple[UUID, int, str]], *, now: datetime) -> None:
    """Write what the Fund promised to the books: (request, micro-USD, actor) each."""
    if not promises:
        return
    insert_rows(
        FundEntry,
        [
            {
                "fund_id": FUND_NAME,
                "request_id": request_id,
                "kind": FundEntry.Kind.RESERVE.value,
                "reserved_delta_micro_usd": micro_usd,
                "at": now,
                "actor": actor,
                "reason": "discount promised",
            }
            for request_id, micro_usd, actor in promises
        ],
    )
    publish(FundChanged(at=now))


def _locked(places: Collection[Place], hour: datetime) -> list[tuple[Any, ...]]:
    statement = HOURS.format(", ".join(["(%s, %s)"] * len(places))) + (LOCK if is_postgresql() else "")
    return run(statement, [FUND_NAME, hour, *(each for place in places for each in place)])


def _make(capacities: Mapping[Place, int], hour: datetime) -> None:
    rows = [(*place, hour, capacity, 0, 0) for place, capacity in sorted(capacities.items())]
    run(NEW_HOUR.format(marks(rows)), [each for row in rows for each in row])
