"""How good forecasts of the zones were."""

from __future__ import annotations

from datetime import date

from django.db.models import Sum

from climate.domain.forecast.issues import LEADS
from climate.domain.scores import ForecastScoreFacts
from climate.models import ForecastScore, GridZone
from config.kernel.errors import NotFound


def list_forecast_scores(*, zone: str | None = None, since: date) -> list[ForecastScoreFacts]:
    """The error of every source's forecasts by zone and lead time, over hours of UTC days from `since` on.

    In the order of zone, source, kind, scope and lead. One query. Raises NotFound for an unknown zone.
    """
    rows = ForecastScore.objects.filter(day__gte=since, hours__gt=0)
    if zone is not None:
        rows = rows.filter(zone_id=zone)
    sums = rows.values("zone_id", "source", "kind", "scope", "lead").annotate(
        hours_sum=Sum("hours"),
        absolute=Sum("absolute_error_sum_g_per_kwh"),
        relative=Sum("relative_error_sum"),
        banded=Sum("banded_hours"),
        covered=Sum("covered_hours"),
    )
    facts = [
        ForecastScoreFacts(
            zone=each["zone_id"],
            source=each["source"],
            kind=each["kind"],
            scope=each["scope"],
            lead=each["lead"],
            hours=each["hours_sum"],
            mape_percent=100 * each["relative"] / each["hours_sum"],
            mae_g_per_kwh=each["absolute"] / each["hours_sum"],
            coverage_percent=100 * each["covered"] / each["banded"] if each["banded"] else None,
        )
        for each in sums
    ]
    if zone is not None and not facts and not GridZone.objects.filter(pk=zone).exists():
        raise NotFound(f"There is no grid zone {zone!r}.")
    return sorted(facts, key=lambda fact: (fact.zone, fact.source, fact.kind, fact.scope, LEADS.index(fact.lead)))
