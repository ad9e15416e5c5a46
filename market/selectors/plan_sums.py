"""What the plan in force grants to requests that still wait, added up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db.models import Count, Q, Sum

from market.models import AllocationRequest, AllocationRun, Placement
from market.selectors.plan_inputs import find_run_in_force
from market.selectors.planned import GRANTING

LARGE_PLAN = 20_000
LARGE_PLAN_SECONDS = 10
"""How long the sums of a large plan may lag: adding up a million rows takes a second."""
KNOWN_G = 1e300
"""Unknown grams are NaN, which PostgreSQL sorts above every number, or NULL on SQLite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSums:
    """Simulated requests left out. Grams CO2e; `asked_before` counts requests that were asked for before `since`."""

    requests: int = 0
    asked_before: int = 0
    tokens: int = 0
    location_g: float = 0.0
    avoided_g: float = 0.0


def get_planned_sums(*, since: datetime, team_ids: frozenset[int] | None) -> PlannedSums:
    """Of all teams, or of these. Two queries; the sums of a large plan are kept for LARGE_PLAN_SECONDS."""
    run = find_run_in_force()
    if run is None:
        return PlannedSums()
    if run.granted < LARGE_PLAN:
        return _sums(run, since, team_ids)
    teams = "all" if team_ids is None else "-".join(map(str, sorted(team_ids)))
    key = f"planned-sums:{run.pk}:{since:%Y%m%d}:{teams}"
    known: PlannedSums | None = cache.get(key)
    if known is None:
        known = _sums(run, since, team_ids)
        cache.set(key, known, LARGE_PLAN_SECONDS)
    return known


def _sums(run: AllocationRun, since: datetime, team_ids: frozenset[int] | None) -> PlannedSums:
    rows = Placement.objects.filter(
        run=run.pk,
        verdict__in=GRANTING,
        request__status=AllocationRequest.Status.QUEUED,
        request__is_simulated=False,
    )
    if team_ids is not None:
        rows = rows.filter(request__team__in=team_ids)
    sums = rows.aggregate(
        requests=Count("request", filter=Q(part=0)),
        asked_before=Count("request", filter=Q(part=0, request__created_at__lt=since)),
        tokens=Sum("tokens"),
        location_g=Sum("location_g"),
        avoided_g=Sum("avoided_g", filter=Q(avoided_g__lt=KNOWN_G)),
    )
    return PlannedSums(**{name: value or 0 for name, value in sums.items()})
