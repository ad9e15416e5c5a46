"""Exact arithmetic on arrays of whole numbers: products above 64 bits, shares that add up."""

from __future__ import annotations

import numpy as np

from market.domain.trading.call import Whole

BITS = 62
"""What a sum of two terms may have without leaving 64 bits."""


def mul_div(first: Whole, second: Whole | int, divisor: Whole | int) -> tuple[Whole, Whole]:
    """`first * second // divisor` and the remainder, exactly, also where the product needs more than 64 bits.

    Nothing may be below zero, the divisor not zero. Raises OverflowError for divisors of 2**61 and more
    where that matters; the quotients have to fit into 64 bits.
    """
    if not first.size or largest(first) * largest(second) < 1 << BITS:
        product = first * second
        quotient = product // divisor
        return quotient, product - quotient * divisor
    return _long_division(*np.broadcast_arrays(first, np.int64(second), np.int64(divisor)))


def _long_division(first: Whole, second: Whole, divisor: Whole) -> tuple[Whole, Whole]:
    """As many bits of `second` at a time as fit beside the divisor."""
    width = BITS - largest(divisor).bit_length()
    if width < 1:
        raise OverflowError("A divisor of 2**61 or more.")
    whole, rest = np.divmod(first, divisor)
    quotient, left = np.zeros_like(rest), np.zeros_like(rest)
    for shift in reversed(range(0, largest(second).bit_length(), width)):
        left = (left << width) + rest * ((second >> shift) & ((1 << width) - 1))
        more, left = np.divmod(left, divisor)
        quotient = (quotient << width) + more
    return whole * second + quotient, left


def largest(values: Whole | int) -> int:
    """The largest of one or more numbers, as a number of any size."""
    return values if isinstance(values, int) else int(values.max())


def exact_sum(values: Whole) -> int:
    """The sum as a number of any size. Values are not below zero."""
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())


def apportion(total: int, parts: Whole) -> Whole:
    """`total` split in proportion to `parts` (at least one above zero): largest remainders up, the first among equals.

    Hamilton's method. No part gets less if its number rises while the others stay.
    """
    share, rest = mul_div(parts, total, int(parts.sum()))
    return share + top_ups(rest, total - int(share.sum()))


def top_ups(rest: Whole, count: int) -> Whole:
    """One for each of the `count` largest, the first among equals; zero for the others."""
    ups = np.zeros_like(rest)
    if count > 0:
        least = np.partition(rest, len(rest) - count)[len(rest) - count]
        ups[rest > least] = 1
        ups[np.flatnonzero(rest == least)[: count - int(ups.sum())]] = 1
    return ups
