"""Three ways to admit a reservation. The answer never differs; the speed under contention does."""

from __future__ import annotations

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
