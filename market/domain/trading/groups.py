"""Rows put together by one or two columns, in sequence within each group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.domain.trading.call import Whole

LARGEST = 1 << 62
LEAST_TABLE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """`rows` group by group, in sequence within one; `of` the group of each of these; `start` where each begins."""

    rows: Whole
    of: Whole
    start: Whole

    def sums(self, values: Whole) -> Whole:
        """Sums by group of values that are in the order of `rows`."""
        return np.add.reduceat(values, self.start) if len(self.start) else values

    def so_far(self, values: Whole) -> Whole:
        """Running sums within each group, of values in the order of `rows`; each counts itself."""
        upto = np.cumsum(values)
        return upto - (upto - values)[self.start][self.of] if len(self.start) else upto


def group_rows(major: Whole, minor: Whole | None = None) -> Groups:
    """Rows of equal `major` and `minor` together."""
    other = np.zeros_like(major) if minor is None else minor
    rows = sorted_rows(major, other)
    is_new = np.ones(len(rows), dtype=bool)
    is_new[1:] = (np.diff(major[rows]) != 0) | (np.diff(other[rows]) != 0)
    return Groups(rows=rows, of=np.cumsum(is_new) - 1, start=np.flatnonzero(is_new))


def sorted_rows(major: Whole, minor: Whole) -> Whole:
    """Rows by `major`, then `minor`, then sequence.

    Numbers that fit into 62 bits together with the row are sorted as one, many times as fast as by `lexsort`.
    """
    if not len(major):
        return np.arange(0)
    least, low = int(major.min()), int(minor.min())
    span, bits = int(minor.max()) - low + 1, len(major).bit_length()
    if (int(major.max()) - least + 1) * span << bits >= LARGEST:
        return np.lexsort((minor, major))
    packed = ((major - least) * span + (minor - low) << bits) | np.arange(len(major))
    packed.sort()
    rows: Whole = packed & ((1 << bits) - 1)
    return rows


def distinct(values: Whole) -> Whole:
    """Each number once, rising. Numbers that lie together are looked up in a table instead of sorted."""
    least = int(values.min(initial=0))
    if int(values.max(initial=0)) - least >= max(LEAST_TABLE, 4 * len(values)):
        return np.unique(values)
    found: Whole = np.flatnonzero(np.bincount(values - least)) + least
    return found


def ranges(start: Whole, stop: Whole) -> Whole:
    """All numbers of `start[0]..stop[0]`, then of `start[1]..stop[1]` and so on; `stop` is not among them."""
    length = stop - start
    offset = np.cumsum(length) - length
    numbers: Whole = np.arange(int(length.sum())) + np.repeat(start - offset, length)
    return numbers
