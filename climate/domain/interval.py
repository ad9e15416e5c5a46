"""A figure with its range."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Low, central and high value of one quantity, in the unit its name says.

    Raises ValueError unless 0 <= low <= central <= high: everything measured in this app is positive.
    """

    low: float
    central: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.central <= self.high:
            raise ValueError(f"not an interval of positive values: {self.low}, {self.central}, {self.high}")

    @classmethod
    def exactly(cls, value: float) -> Interval:
        """A value without a known range."""
        return cls(low=value, central=value, high=value)

    def times(self, factor: float) -> Interval:
        """Scaled by a positive number."""
        return Interval(low=self.low * factor, central=self.central * factor, high=self.high * factor)

    def times_interval(self, other: Interval) -> Interval:
        """The product of two ranges: lowest by lowest, highest by highest."""
        return Interval(low=self.low * other.low, central=self.central * other.central, high=self.high * other.high)

    def plus(self, other: Interval) -> Interval:
        """The sum of two ranges."""
        return Interval(low=self.low + other.low, central=self.central + other.central, high=self.high + other.high)
