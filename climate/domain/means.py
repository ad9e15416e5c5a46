"""The mean of several periods, kept when the periods themselves have gone to the archive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import fsum

LONGEST_FLAG_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What one source said of a period, or what became of several: g CO2e/kWh, shares 0..1, None unknown."""

    minutes: int
    intensity_g_per_kwh: float
    lowest_g_per_kwh: float
    highest_g_per_kwh: float
    renewable_share: float | None
    carbon_free_share: float | None
    flag: str
    received_at: datetime


def mean_of(parts: Sequence[Stretch], *, longest_minutes: int) -> Stretch:
    """The parts as one, each weighing as much as it is long. Raises ValueError where there are none.

    A share is known only if every part knows it. Parts that overlap cover no more than `longest_minutes`.
    """
    if not parts:
        raise ValueError("nothing has no mean")
    return Stretch(
        minutes=min(longest_minutes, sum(each.minutes for each in parts)),
        intensity_g_per_kwh=_weighted([(each.intensity_g_per_kwh, each.minutes) for each in parts]),
        lowest_g_per_kwh=min(each.lowest_g_per_kwh for each in parts),
        highest_g_per_kwh=max(each.highest_g_per_kwh for each in parts),
        renewable_share=_share([(each.renewable_share, each.minutes) for each in parts]),
        carbon_free_share=_share([(each.carbon_free_share, each.minutes) for each in parts]),
        flag=_joined([each.flag for each in parts]),
        received_at=max(each.received_at for each in parts),
    )


def _weighted(values: Sequence[tuple[float, int]]) -> float:
    return fsum(value * minutes for value, minutes in values) / sum(minutes for _, minutes in values)


def _share(values: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(value, minutes) for value, minutes in values if value is not None]
    return _weighted(known) if len(known) == len(values) else None


def _joined(flags: Sequence[str]) -> str:
    """Every remark once. One that finds no room is said to be missing."""
    different = sorted({remark for flag in flags for remark in flag.split("; ") if remark})
    words = "; ".join(different)
    return words if len(words) <= LONGEST_FLAG_CHARACTERS else f"{words[: LONGEST_FLAG_CHARACTERS - 5]}; ..."
