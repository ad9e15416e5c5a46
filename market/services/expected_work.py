"""What is expected to be asked for in the coming hours, learned from what was asked in the past four weeks.

Every hour is counted once, when it is over, from one range of the index of requests; what is
expected is then worked out from at most 672 rows, however many requests there were.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from django.db.models import Max, Min, Sum
from django.db.models.functions import TruncHour

from climate.domain.ladder import HOUR, floor_hour
from market.domain.placement.expected import (
    HISTORY_HOURS,
    SHORT_WINDOW_HOURS,
    ArrivalKind,
    ExpectedWork,
    History,
    expect,
)
from market.models import AllocationRequest, ArrivalHour

SETTLED_AFTER = timedelta(minutes=5)  # requests are stored with the time they came, a moment later
MOST_HOURS_AT_ONCE = 168  # a first count of a long past is spread over some calls
KEEP = (HISTORY_HOURS + 168) * HOUR


def get_expected_work(*, first_hour: datetime, hour_count: int, now: datetime) -> ExpectedWork:
    """Tokens expected by kind and hour of a plan; nothing where too little was counted (`is_known`)."""
    return expect(_history(now=now), first_hour=first_hour, hour_count=hour_count, now=now)


def count_arrivals(*, now: datetime) -> int:
    """Sum up the hours that are over and were not counted yet; returns how many. Running it twice changes nothing."""
    end = floor_hour(now - SETTLED_AFTER)
    first = _first_uncounted(earliest=end - HISTORY_HOURS * HOUR)
    if first is None:
        return 0
    count = max(0, min(int((end - first) / HOUR), MOST_HOURS_AT_ONCE))
    hours = [_count(first + index * HOUR) for index in range(count)]
    ArrivalHour.objects.bulk_create(hours, ignore_conflicts=True)
    ArrivalHour.objects.filter(starts_at__lt=now - KEEP).delete()
    return count


def _first_uncounted(*, earliest: datetime) -> datetime | None:
    """The hour after the last counted one; at first that of the first request, as nobody could ask before."""
    last: datetime | None = ArrivalHour.objects.aggregate(last=Max("starts_at"))["last"]
    if last is not None:
        return max(last + HOUR, earliest)
    first: datetime | None = AllocationRequest.objects.filter(is_simulated=False).aggregate(first=Min("created_at"))[
        "first"
    ]
    return max(floor_hour(first), earliest) if first is not None else None


def _count(hour: datetime) -> ArrivalHour:
    """What came in the hour for this hour or a few hours on.

    Work announced for later is left out: it waits in hand long before its hour.
    """
    came = AllocationRequest.objects.filter(
        is_simulated=False,
        created_at__gte=hour,
        created_at__lt=hour + HOUR,
        earliest_at__lt=hour + HOUR,
        latest_at__gte=hour,
        latest_at__lt=hour + (SHORT_WINDOW_HOURS + 1) * HOUR,
    )
    sums = (
        came.order_by()
        .annotate(last_hour=TruncHour("latest_at", tzinfo=UTC))
        .values_list("model_class", "origin_code", "latency_class", "last_hour")
        .annotate(sum=Sum("tokens"))
    )
    rows = [[*kind, int((last_hour - hour) / HOUR), tokens] for *kind, last_hour, tokens in sums]
    return ArrivalHour(starts_at=hour, arrivals=sorted(rows))


def _history(*, now: datetime) -> History:
    first = floor_hour(now) - HISTORY_HOURS * HOUR
    counted = ArrivalHour.objects.filter(starts_at__gte=first, starts_at__lt=floor_hour(now)).values_list(
        "starts_at", "arrivals"
    )
    row_of_kind: dict[ArrivalKind, int] = {}
    cells: list[tuple[int, int, int]] = []
    is_counted = np.zeros(HISTORY_HOURS, dtype=np.bool_)
    for starts_at, arrivals in counted:
        column = int((starts_at - first) / HOUR)
        is_counted[column] = True
        for model_class, origin, latency, window, tokens in arrivals:
            kind = ArrivalKind(model_class=model_class, origin_code=origin, latency_class=latency, window_hours=window)
            cells.append((row_of_kind.setdefault(kind, len(row_of_kind)), column, tokens))
    tokens_of = np.zeros((len(row_of_kind), HISTORY_HOURS))
    for row, column, tokens in cells:
        tokens_of[row, column] = tokens
    return History(first_hour=first, kinds=tuple(row_of_kind), tokens=tokens_of, is_counted=is_counted)
