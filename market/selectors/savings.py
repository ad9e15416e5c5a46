"""Savings of a period: as decisions expected them, and as the readings of the hours themselves tell."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import TruncHour

from climate import selectors as climate
from climate.domain.ladder import HOUR, floor_hour
from climate.domain.signal import Basis
from config.kernel.errors import NotFound
from market.domain.plan_views import PlanSavings, Savings
from market.domain.savings import (
    HomeHour,
    SettledWork,
    ZoneHour,
    expected_savings,
    is_measured,
    measured_savings,
    room_at_home,
)
from market.models import AllocationRequest, AllocationRun, Decision
from market.selectors.plan_inputs import find_run_in_force
from market.selectors.runs import NO_SUCH_RUN, run_row

Status = AllocationRequest.Status
HOME = ("code", "zone", "starts_at", "intensity_g_per_kwh", "capacity_tokens")


def get_savings(*, since: datetime, until: datetime, now: datetime) -> Savings:
    """Savings of work settled in [since, until), with the plan in force beside them. A bounded number of queries."""
    settled = Decision.objects.filter(settlement__settled_at__gte=since, settlement__settled_at__lt=until)
    missed = _missed(since, min(until, now))
    return _savings(settled, find_run_in_force(), since=since, until=until, now=now, missed=missed)


def get_run_savings(run_id: int, *, now: datetime) -> Savings:
    """Savings of the work that came of one run's plan, as far as it is settled. Raises NotFound."""
    run = AllocationRun.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFound(NO_SUCH_RUN)
    settled = Decision.objects.filter(run=run.pk, settlement__isnull=False)
    return _savings(settled, run, since=run.started_at, until=now, now=now, missed=run.missed_tokens or 0)


def _savings(
    settled: QuerySet[Decision],
    run: AllocationRun | None,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    missed: int,
) -> Savings:
    settled = settled.filter(request__is_simulated=False)
    work = _settled_work(settled)
    room = room_at_home(work)
    measured = _measured(work, now=now)
    known = [each for each in work if is_measured(each, measured)]
    return Savings(
        since=since,
        until=until,
        as_of=now,
        plan=None if run is None else _plan(run),
        expected=expected_savings(work, room),
        expected_of_measured=expected_savings(known, room),
        measured=measured_savings(known, room, measured),
        unmeasured_tokens=sum(each.tokens for each in work) - sum(each.tokens for each in known),
        without_home_tokens=_without_home(settled),
        missed_tokens=missed,
    )


def _settled_work(settled: QuerySet[Decision]) -> list[SettledWork]:
    """Added up by the database wherever work ran in the same hours and would have run in the same."""
    home = KeyTransform("home", KeyTransform("facts", "inputs"))
    kinds = {f"home_{name}": KeyTextTransform(name, home) for name in HOME}
    rows = settled.filter(settlement__avoided_g__isnull=False).annotate(
        hour=TruncHour("starts_at", tzinfo=UTC),
        is_split=Q(parts__isnull=False),
        model_class=F("request__model_class"),
        **kinds,
    )
    columns = ("zone_code", "hour", "is_split", "intensity_g_per_kwh", "model_class", *kinds)
    sums = (
        rows.order_by()
        .values(*columns)
        .annotate(
            tokens=Sum("settlement__used_tokens"),
            grams=Sum("settlement__location_g"),
            saved=Sum("settlement__avoided_g"),
        )
    )
    return [_work(row) for row in sums.iterator()]


def _work(row: dict[str, Any]) -> SettledWork:
    hour = floor_hour(datetime.fromisoformat(row["home_starts_at"]))
    return SettledWork(
        tokens=row["tokens"],
        location_g=row["grams"],
        home_g=row["grams"] + row["saved"],
        ran=None if row["is_split"] else (row["zone_code"], row["hour"]),
        intensity_g_per_kwh=row["intensity_g_per_kwh"],
        home=HomeHour(
            region=row["home_code"],
            model_class=row["model_class"],
            hour=hour,
            capacity_tokens=int(row["home_capacity_tokens"]),
        ),
        at_home=(row["home_zone"], hour),
        home_intensity_g_per_kwh=float(row["home_intensity_g_per_kwh"]),
    )


def _measured(work: Collection[SettledWork], *, now: datetime) -> dict[ZoneHour, float]:
    """Intensities that were measured in these hours, once they are over; forecasts and models are left out."""
    asked = {each.at_home for each in work} | {each.ran for each in work if each.ran is not None}
    over = {(zone, hour) for zone, hour in asked if hour + HOUR <= now}
    signals = climate.list_signals(zone_codes={zone for zone, _ in over}, hours={hour for _, hour in over}, now=now)
    return {
        key: signals[key].intensity_g_per_kwh for key in over if key in signals and signals[key].basis == Basis.LIVE
    }


def _without_home(settled: QuerySet[Decision]) -> int:
    rows = settled.filter(settlement__avoided_g__isnull=True)
    return rows.aggregate(sum=Sum("settlement__used_tokens"))["sum"] or 0


def _missed(since: datetime, until: datetime) -> int:
    """Tokens that were refused, or are past their deadline unplaced; of partial grants what they lack."""
    due = AllocationRequest.objects.filter(latest_at__gte=since, latest_at__lt=until, is_simulated=False)
    unserved = due.filter(status__in=(Status.DENIED, Status.QUEUED)).aggregate(sum=Sum("tokens"))["sum"] or 0
    later = Decision.objects.filter(request=OuterRef("request"), sequence__gt=OuterRef("sequence"))
    partial = Decision.objects.filter(~Exists(later), request__in=due, verdict=Decision.Verdict.PARTIAL)
    lacking = partial.aggregate(sum=Sum(F("request__tokens") - F("granted_tokens")))["sum"] or 0
    return unserved + lacking


def _plan(run: AllocationRun) -> PlanSavings:
    row = run_row(run)
    return PlanSavings(
        run_id=run.pk,
        made_at=run.started_at,
        planned_tokens=run.planned_tokens,
        missed_tokens=run.missed_tokens,
        planned_g=run.planned_g,
        compared_tokens=row.compared_tokens,
        compared_g=row.compared_g,
        reference_g=run.reference_g,
        reference_missed_tokens=run.reference_missed_tokens,
        saved_share=row.saved_share,
        bound_g=run.bound_g,
    )
