"""How much of a pool the next swarm may have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool from which swarms are allotted, in tokens.

    `held` is the sum of its living children's limits, `used_otherwise` what was spent or reserved
    of the pool by nobody who lives below it: by swarms that ended, or by itself.
    """

    limit: int
    reserve: int
    held: int
    used_otherwise: int = 0


def left_for_swarms(pool: Pool) -> int:
    """What may still be allotted: the limit less the reserve and all that is held or gone; at least zero."""
    return max(0, pool.limit - pool.reserve - pool.held - pool.used_otherwise)
