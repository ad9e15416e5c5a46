"""Three ways to admit a reservation. The answer never differs; the speed under contention does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Gear(StrEnum):
    """How a reservation was admitted. The names are part of the API."""

    DIRECT = "direct"
    """In a transaction of its own, or its caller's: one round trip on PostgreSQL."""
    BATCHED = "batched"
    """Together with others of this process in one commit."""
    LEASED = "leased"
    """From a block that the leaf holds in escrow at its ancestors."""


class GearChoice(StrEnum):
    """What an administrator says of a budget: measured, or one gear pinned."""

    AUTO = "auto"
    DIRECT = "direct"
    BATCHED = "batched"
    LEASED = "leased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What was measured of late at one budget: asks a second, how many at once, seconds that one took."""

    asks_per_second: float = 0.0
    in_flight: float = 0.0
    wait_seconds: float = 0.0


BATCH_ABOVE, BATCH_BELOW = 2.0, 1.3
"""Asks under way at once at a root, in the mean: from here on they are worth a common commit; until then again."""
LEASE_ABOVE, LEASE_BELOW = 40.0, 10.0
"""Asks a second of one leaf: from here on a block may be worth its upkeep; until then it still is."""
LEASE_WAIT_SECONDS = 0.008
"""What an ask must take, in the mean, before a block is worth it: others are in the way at the ancestors."""


def choose_gear(*, choice: GearChoice, current: Gear, levels: int, root: Load, leaf: Load) -> Gear:
    """The gear for the next ask of a leaf that has `levels` budgets on its path.

    A pinned gear wins, but a root has no ancestors to hold a block at. Where a gear is entered is
    above where it is left, so that a load in between does not make it change back and forth.
    """
    if choice is GearChoice.LEASED and levels == 1:
        return Gear.DIRECT
    if choice is not GearChoice.AUTO:
        return Gear(choice.value)
    stays_leased = current is Gear.LEASED and leaf.asks_per_second >= LEASE_BELOW
    becomes_leased = leaf.asks_per_second >= LEASE_ABOVE and root.wait_seconds >= LEASE_WAIT_SECONDS
    if levels > 1 and (stays_leased or becomes_leased):
        return Gear.LEASED
    if root.in_flight >= (BATCH_BELOW if current is Gear.BATCHED else BATCH_ABOVE):
        return Gear.BATCHED
    return Gear.DIRECT


def shares_commits(gear: Gear, leaf: Load) -> bool:
    """Whether an ask waits for others of its process: always when batched, and at a leaf that many use at once."""
    return gear is Gear.BATCHED or (gear is Gear.LEASED and leaf.in_flight >= BATCH_ABOVE)
