"""What is left of a region's capacity while something is out of order or being mended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageFacts:
    """A region that serves only `capacity_share` (0..1) of its capacity.

    `model_class` None: of all of them. `ends_at` None: until it is ended. `kind`: outage or maintenance.
    """

    id: int
    region: str
    model_class: str | None
    kind: str
    starts_at: datetime
    ends_at: datetime | None
    capacity_share: float
    reason: str
    author: str
    created_at: datetime
    is_withdrawn: bool = False

    def touches(self, start: datetime, end: datetime) -> bool:
        """Whether it is in force at any moment of [start, end)."""
        return not self.is_withdrawn and self.starts_at < end and (self.ends_at is None or self.ends_at > start)


def share_left(outages: Iterable[OutageFacts], *, region: str, model_class: str, hour: datetime) -> float:
    """Share 0..1 of a region's capacity that is left in the hour that begins at `hour`.

    Capacity is promised by the hour: an outage that touches any part of an hour counts for all of it, and of
    several the lowest share counts.
    """
    shares = [
        each.capacity_share
        for each in outages
        if each.region == region and each.model_class in (None, model_class) and each.touches(hour, hour + HOUR)
    ]
    return min(shares, default=1.0)


def tokens_left(
    capacity_tokens: int, outages: Sequence[OutageFacts], *, region: str, model_class: str, hour: datetime
) -> int:
    """Whole tokens of a region's hour that are left, rounded down."""
    if not outages:
        return capacity_tokens
    return int(capacity_tokens * share_left(outages, region=region, model_class=model_class, hour=hour))
