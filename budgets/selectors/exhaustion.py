"""When budgets will run out, from what they spent lately."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from uuid import UUID

from budgets.domain.exhaustion import (
    HALF_LIFE_HOURS,
    HISTORY_HOURS,
    HORIZON_HOURS,
    HOUR,
    LEAST_BUSY_HOURS,
    LEAST_HOURS,
    Burn,
    ExhaustionForecast,
    SpendSlice,
    burn_of,
    burnt,
    busy_hours,
    cross,
    hours_before,
    outlook_of,
)
from budgets.domain.periods import Period, bounds, bucket_seconds, leaves_at
from budgets.domain.units import Unit, from_steps
from budgets.models import Budget, SpendBucket
from budgets.selectors.escrow import free_in_escrow
from config.kernel.errors import NotFound


def get_exhaustion(budget_id: UUID, *, now: datetime) -> ExhaustionForecast:
    """When a budget will run out at the pace of the last week; unknown where too little was spent. Raises NotFound."""
    found = list_exhaustion([budget_id], now=now)
    if not found:
        raise NotFound("There is no such budget.", field="budget")
    return found[0]


def list_exhaustion(budget_ids: Collection[UUID], *, now: datetime) -> list[ExhaustionForecast]:
    """Forecasts of those of the budgets that are alive, in the order of their ids.

    What blocks in escrow hold and nobody has been promised is room: it is given back to whoever asks.
    """
    rows = Budget.objects.filter(pk__in=budget_ids, deallocated_at=None).order_by("pk")
    budgets = list(rows)
    slices = _slices(budgets, now=now)
    free = free_in_escrow([budget.pk for budget in budgets])
    return [_forecast(each, slices.get(each.pk, []), free=free.get(each.pk, 0), now=now) for each in budgets]


def _slices(budgets: Sequence[Budget], *, now: datetime) -> dict[UUID, list[SpendSlice]]:
    """What each budget spent in the hours that count: a week, or its rolling window where that is longer."""
    windows = {budget.pk: budget.window_hours for budget in budgets}
    longest = max([HISTORY_HOURS, *(hours + ceil(hours / 60) for hours in windows.values() if hours)])
    rows = SpendBucket.objects.filter(
        budget__in=windows, starts_at__gt=now - (longest + 1) * HOUR, starts_at__lte=now, spent__gt=0
    )
    found: dict[UUID, list[SpendSlice]] = {}
    for budget_id, starts_at, spent in rows.order_by("starts_at").values_list("budget", "starts_at", "spent"):
        seconds = bucket_seconds(windows[budget_id])
        found.setdefault(budget_id, []).append(SpendSlice(starts_at=starts_at, seconds=seconds, spent=spent))
    return found


def _forecast(budget: Budget, slices: Sequence[SpendSlice], *, free: int, now: datetime) -> ExhaustionForecast:
    spent, resets_at = spent_and_reset(budget, now=now)
    room = budget.limit - budget.reserved - spent + free
    burn = _burn(slices, hours=max(0, min(HISTORY_HOURS, ceil((now - budget.created_at) / HOUR))), now=now)
    until = _until(budget, resets_at, now=now)
    hours = ceil((until - now) / HOUR)
    crossing = cross(burn, room=room, leaving=_leaving(budget, slices, hours, now=now), hours=hours)
    crossing = crossing.before(hours=(until - now) / HOUR)
    unit = Unit(budget.unit)
    low, central, high = ([_rate(unit, burn, side) for side in (-1, 0, 1)]) if burn.is_known else (None, None, None)
    return ExhaustionForecast(
        budget_id=budget.pk,
        name=budget.name,
        unit=unit,
        as_of=now,
        outlook=outlook_of(burn, crossing, room=room, ends=until == resets_at),
        remaining=from_steps(unit, max(0, room)),
        burn_per_hour=central,
        burn_low_per_hour=low,
        burn_high_per_hour=high,
        earliest_at=_moment(crossing.earliest, now),
        central_at=_moment(crossing.central, now),
        latest_at=_moment(crossing.latest, now),
        resets_at=resets_at,
        ends_by_itself=budget.period != Period.ONE_OFF,
        until=until,
        hours_used=burn.hours,
        basis=_basis(burn),
    )


def _burn(slices: Sequence[SpendSlice], *, hours: int, now: datetime) -> Burn:
    recent = [each for each in slices if each.starts_at > now - (hours + 1) * HOUR]
    return burn_of(hours_before(recent, now=now, hours=hours), busy=busy_hours(recent))


def spent_and_reset(budget: Budget, *, now: datetime) -> tuple[int, datetime | None]:
    """Spent in the period that holds `now`, and when that ends; the row may still show the one before."""
    if budget.period == Period.ROLLING:
        return budget.spent, None
    if budget.period_ends_at is not None and budget.period_ends_at <= now:
        return 0, bounds(Period(budget.period), now)[1]
    return budget.spent, budget.period_ends_at


def _until(budget: Budget, resets_at: datetime | None, *, now: datetime) -> datetime:
    """How far to look: after a whole rolling window all that counts is forecast, and nothing new happens."""
    horizon = now + min(HORIZON_HOURS, budget.window_hours or HORIZON_HOURS) * HOUR
    return min(resets_at, horizon) if resets_at else horizon


def _leaving(budget: Budget, slices: Sequence[SpendSlice], hours: int, *, now: datetime) -> list[float]:
    """What leaves a rolling window in each hour from now; nothing leaves a period of the calendar."""
    if budget.window_hours is None:
        return []
    leaving = [0.0] * hours
    for each in slices:
        index = ceil((leaves_at(each.starts_at, window_hours=budget.window_hours) - now) / HOUR) - 1
        if 0 <= index < hours:
            leaving[index] += each.spent
    return leaving


def _rate(unit: Unit, burn: Burn, side: int) -> Decimal:
    """Burn an hour of the day ahead, in the unit, at one edge of the band or in its middle."""
    return from_steps(unit, round(burnt(burn, 24, side) / 24))


def _moment(hours: float | None, now: datetime) -> datetime | None:
    return None if hours is None else now + timedelta(hours=hours)


def _basis(burn: Burn) -> str:
    if not burn.is_known:
        return (
            f"{burn.hours} {'hour' if burn.hours == 1 else 'hours'} known, {burn.busy_hours} of them with spending;"
            f" it takes {LEAST_HOURS} and {LEAST_BUSY_HOURS}"
        )
    return (
        f"spending of the last {burn.hours} hours, {burn.busy_hours} of them busy; an hour weighs half as much as"
        f" one {HALF_LIFE_HOURS:.0f} h later; 80 % band"
    )
