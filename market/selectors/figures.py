"""Figures of the day and the Fund's books."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Exists, F, OuterRef, Q, Sum

from budgets import selectors as budgets
from market.domain.views import Headline
from market.models import FUND_NAME, AllocationRequest, AllocationRun, Decision, Fund, FundEntry, RegionHour
from market.selectors.plan_sums import get_planned_sums

GRANTING = (Decision.Verdict.GRANTED, Decision.Verdict.PARTIAL)


def get_fund_available() -> int:
    """What the Fund can still promise, micro-USD."""
    fund = Fund.objects.filter(name=FUND_NAME).first()
    return fund.balance_micro_usd - fund.reserved_micro_usd if fund else 0


def get_headline(*, now: datetime, team_ids: frozenset[int] | None) -> Headline:
    """What was decided since 00:00 UTC, simulated decisions left out. None means all teams.

    Settled work counts as it was used, open grants as they were promised, what still waits as the
    plan in force has it, and what was given back or expired not at all.
    """
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    decisions = Decision.objects.filter(made_at__gte=day, request__is_simulated=False)
    waiting = AllocationRequest.objects.filter(status=AllocationRequest.Status.QUEUED)
    if team_ids is not None:
        decisions = decisions.filter(request__team__in=team_ids)
        waiting = waiting.filter(team__in=team_ids)
    is_open = Q(verdict__in=GRANTING, request__status__in=AllocationRequest.HOLDING)
    sums = decisions.aggregate(
        requests=Count("request", distinct=True),
        denied=Count("id", filter=Q(verdict=Decision.Verdict.DENIED)),
        promised_tokens=Sum("granted_tokens", filter=is_open),
        promised_g=Sum("location_g_central", filter=is_open),
        promised_avoided_g=Sum("avoided_g", filter=is_open),
        used_tokens=Sum("settlement__used_tokens"),
        used_g=Sum("settlement__location_g"),
        used_avoided_g=Sum("settlement__avoided_g"),
    )
    planned = get_planned_sums(since=day, team_ids=team_ids)
    fund = Fund.objects.filter(name=FUND_NAME).first()
    return Headline(
        day_starts_at=day,
        as_of=now,
        requests=sums["requests"] + planned.asked_before,
        granted_tokens=(sums["promised_tokens"] or 0) + (sums["used_tokens"] or 0) + planned.tokens,
        location_g=(sums["promised_g"] or 0.0) + (sums["used_g"] or 0.0) + planned.location_g,
        avoided_g=(sums["promised_avoided_g"] or 0.0) + (sums["used_avoided_g"] or 0.0) + planned.avoided_g,
        open_holds=budgets.count_open_holds(team_ids=team_ids),
        queued=max(0, waiting.count() - planned.requests),
        denied=sums["denied"],
        fund_balance_micro_usd=fund.balance_micro_usd if fund else 0,
        fund_reserved_micro_usd=fund.reserved_micro_usd if fund else 0,
    )


def list_promised_tokens(region_code: str, *, hour: datetime) -> dict[str, int]:
    """Tokens promised in a region's hour, by model class: to grants, and by the plan in force to what waits."""
    rows = RegionHour.objects.filter(region=region_code, starts_at=hour)
    return dict(rows.values_list("model_class", F("promised_tokens") + F("planned_tokens")))


def list_fund_differences() -> list[str]:
    """Every fund whose state is not the sum of its entries, or of its promises to grants and to the plan in force."""
    found = []
    # Work that moved, or gave way and was granted again, was promised something before: that was given back.
    later = Decision.objects.filter(request=OuterRef("request"), sequence__gt=OuterRef("sequence"))
    open_grants = Decision.objects.filter(~Exists(later), request__status__in=AllocationRequest.HOLDING)
    of_grants = open_grants.aggregate(sum=Sum("fund_reserved_micro_usd"))["sum"] or 0
    of_plan = AllocationRun.objects.filter(is_current=True).aggregate(sum=Sum("fund_promised_micro_usd"))["sum"] or 0
    open_promises = of_grants + of_plan
    for fund in Fund.objects.all():
        sums = FundEntry.objects.filter(fund=fund).aggregate(
            balance=Sum("balance_delta_micro_usd"), reserved=Sum("reserved_delta_micro_usd")
        )
        ledger = (int(sums["balance"] or 0), int(sums["reserved"] or 0))
        state = (fund.balance_micro_usd, fund.reserved_micro_usd)
        if state != ledger:
            found.append(f"fund {fund.name}: state {state} but entries {ledger}")
        if fund.reserved_micro_usd != open_promises:
            found.append(f"fund {fund.name}: reserved {fund.reserved_micro_usd} but open promises {open_promises}")
    return found
