"""Blocks in escrow: how large one may be, and what happens to it when work under it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from budgets.domain.bands import Bands
from budgets.domain.units import COLUMN_OF, Amounts, Unit

SECONDS_AHEAD = 5.0
"""A block is for the asks that are expected in so many seconds."""
SHARE_OF_ROOM = 4
"""A block takes at most this part of what an ancestor can give, so that others find room for theirs."""
LEAST_ASKS = 8
"""A block for fewer asks than this is not worth two transactions on the ancestors."""
REFILL_BELOW = 4
"""A block is filled up again when less than this part of it is left."""
IDLE_SECONDS = 30.0
"""A block that nobody asked for so long goes back."""
PLENTY = 2**60
"""Free in a unit that no ancestor counts: there is nothing to hold."""


class BlockInTheWay(Exception):
    """What does not fit would fit if blocks in escrow gave back what they do not need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """One budget above a leaf. `free` is what blocks hold there and nobody has been promised; all in steps."""

    unit: Unit
    limit: int
    used: int
    free: int
    warning_amounts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What is held in escrow. The three together are what is reserved at every ancestor."""

    free: Amounts
    used: Amounts
    pending: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What the end of work does to a block: what it is then, and what ancestors are charged or given back at once."""

    block: Block
    excess: Amounts
    returned: Amounts


NOTHING = Amounts(tokens=0, carbon_ug=0, micro_usd=0)


def each_unit(work: Callable[..., int], *amounts: Amounts) -> Amounts:
    """`work` applied unit by unit."""
    return Amounts(
        tokens=work(*(each.tokens for each in amounts)),
        carbon_ug=work(*(each.carbon_ug for each in amounts)),
        micro_usd=work(*(each.micro_usd for each in amounts)),
        energy_uwh=work(*(each.energy_uwh for each in amounts)),
    )


def add(*amounts: Amounts) -> Amounts:
    """The sum, unit by unit."""
    return each_unit(lambda *parts: sum(parts), *amounts)


def less(whole: Amounts, part: Amounts) -> Amounts:
    """The difference, unit by unit."""
    return each_unit(lambda one, other: one - other, whole, part)


def end_work(block: Block, *, held: Amounts, spent: Amounts, keeps_rest: bool) -> Ended:
    """Work that held `held` of a block ends with `spent`. What it needs beyond that is taken from what is free.

    Without `keeps_rest` what was not needed leaves the block.
    """
    reach = add(held, block.free)
    covered = each_unit(min, spent, reach)
    left = less(reach, covered)
    free = left if keeps_rest else each_unit(min, left, block.free)
    return Ended(
        block=Block(free=free, used=less(block.used, held), pending=add(block.pending, covered)),
        excess=less(spent, covered),
        returned=less(left, free),
    )


def ceiling(ancestor: Ancestor, bands: Bands) -> int:
    """How far blocks may raise what is used at an ancestor, in steps: not past any level that real use has not passed.

    Zero from the critical threshold on: there, every ask is admitted one by one.
    """
    real = ancestor.used - ancestor.free
    percentages = [-(-percent * ancestor.limit // 100) for percent in bands.percentages]
    if real >= percentages[1]:
        return 0
    levels = [level for level in (*percentages, *ancestor.warning_amounts) if level > real]
    return min([ancestor.limit, *(level - 1 for level in levels)])


def is_too_high(ancestor: Ancestor, bands: Bands) -> bool:
    """Whether blocks hold an ancestor where real use alone would not be, or where there is no room for blocks."""
    return ancestor.free > 0 and ancestor.used > ceiling(ancestor, bands)


def block_for(ask: Amounts, *, asks_per_second: float, ancestors: Sequence[Ancestor], bands: Bands) -> Amounts | None:
    """A block for the asks of the next seconds, each like `ask`; None where that is not worth it."""
    asks = asks_per_second * SECONDS_AHEAD
    for ancestor in ancestors:
        steps = ask.of(ancestor.unit)
        if steps:
            asks = min(asks, max(0, ceiling(ancestor, bands) - ancestor.used) // SHARE_OF_ROOM / steps)
    if asks < LEAST_ASKS:
        return None
    counted = {ancestor.unit for ancestor in ancestors}
    return Amounts(**{column: _part(ask.of(unit), int(asks), unit in counted) for unit, column in COLUMN_OF.items()})


def is_low(free: Amounts, block: Amounts, *, units: Iterable[Unit]) -> bool:
    """Whether a block that should be `block` has so little left in one of the units that it is worth filling up."""
    return any(free.of(unit) * REFILL_BELOW < block.of(unit) for unit in units)


def _part(ask: int, asks: int, is_counted: bool) -> int:
    return ask * asks if is_counted else PLENTY
