"""What the overview shows, read through the viewer's sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from budgets.domain.alerts import AlertFacts
from budgets.domain.states import BudgetState
from budgets.selectors import list_budget_alerts, list_budgets
from climate.domain.ladder import floor_hour
from climate.domain.places import EmergencyFacts, RegionFacts
from climate.domain.signal import Basis, Signal
from climate.domain.sources import SourceState
from climate.selectors import (
    CountrySignal,
    list_active_emergencies,
    list_country_signals,
    list_regions,
    list_signals,
    list_sources,
)
from dashboard.domain.sight import Sight
from dashboard.selectors.alerts import list_proposed
from market.domain.views import DecisionRow, Headline
from market.selectors import get_headline, get_plan_in_force, list_decisions

ALERTS_OF = timedelta(days=1)
MOST_ALERTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Intensities of one hour: of every active region's zone, and of every country."""

    hour: datetime
    regions: list[RegionFacts]
    signals: dict[str, Signal]
    countries: list[CountrySignal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """What somebody should look at now."""

    emergencies: list[EmergencyFacts]
    proposed: list[EmergencyFacts]
    failing_sources: list[SourceState]
    strained_budgets: list[BudgetState]
    budget_alerts: list[AlertFacts]


def get_plan_mark() -> dict[str, Any]:
    """What tells one plan in force from another."""
    plan = get_plan_in_force()
    return {"run_id": plan.row.run_id if plan else None}


def get_sums(sight: Sight, *, now: datetime) -> Headline:
    """Figures of the day over the teams that the viewer's headline sums."""
    return get_headline(now=now, team_ids=sight.sum_team_ids)


def list_bases(*, now: datetime, everywhere: bool) -> set[Basis]:
    """The rungs that this hour's figures of active regions, or of the whole map, come from."""
    if everywhere:
        grid = get_grid(now=now)
        return {each.basis for each in (*grid.signals.values(), *(c.signal for c in grid.countries if c.signal))}
    zones = {region.zone for region in list_regions()}
    return {each.basis for each in list_signals(zone_codes=zones, hours=[floor_hour(now)], now=now).values()}


def get_grid(*, now: datetime) -> Grid:
    """Intensities of this hour."""
    hour = floor_hour(now)
    regions = [region for region in list_regions() if region.is_active]
    zones = sorted({region.zone for region in regions})
    found = list_signals(zone_codes=zones, hours=[hour], now=now)
    return Grid(
        hour=hour,
        regions=regions,
        signals={zone: signal for (zone, _), signal in found.items()},
        countries=list_country_signals(at=now, now=now),
    )


def list_source_states(*, now: datetime) -> list[SourceState]:
    """Every data source and how it does."""
    return list(list_sources(now=now))


def get_alerts(sight: Sight, *, now: datetime) -> Alerts:
    """Emergencies in force and proposed, sources that fail, and what the viewer's budgets tell."""
    return Alerts(
        emergencies=list(list_active_emergencies(now=now)),
        proposed=list_proposed(),
        failing_sources=[s for s in list_sources(now=now) if s.is_asked and s.state in ("failing", "refused")],
        strained_budgets=[b for b in list_seen_budgets(sight) if b.status != "ok"],
        budget_alerts=list_seen_budget_alerts(sight, now=now),
    )


def list_seen_budget_alerts(sight: Sight, *, now: datetime) -> list[AlertFacts]:
    """What budgets that the viewer may see have told in the last day, newest first."""
    if not sight.details:
        return []
    return list_budget_alerts(
        team_ids=sight.team_ids, organisation_id=sight.organisation_id, since=now - ALERTS_OF, limit=MOST_ALERTS
    )


def list_feed(
    sight: Sight, *, limit: int, region_code: str | None = None, before: tuple[datetime, int] | None = None
) -> list[DecisionRow]:
    """The newest decisions the viewer may see, newest first; `before` is time and id of the page before."""
    if not sight.details:
        return []
    return list_decisions(team_ids=sight.team_ids, limit=limit, region_code=region_code, before=before)


def list_seen_budgets(sight: Sight) -> list[BudgetState]:
    """The budgets the viewer may see, in tree order: those that the API lists for the same person."""
    if not sight.details:
        return []
    return list_budgets(team_ids=sight.team_ids, organisation_id=sight.organisation_id)
