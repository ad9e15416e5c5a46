"""Forecasts made and scored by several workers at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from climate.domain.forecast import REACH_HOURS
from climate.models import CarbonForecast, ForecastScore
from climate.services.forecasts import make_own_forecasts, score_forecasts
from climate.services.reference import load_reference
from tests.integration.climate.test_own_forecasts import HOUR, LAST, NOW, measure

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 6


def at_once(work):
    def run(_):
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return list(pool.map(run, range(WORKERS)))


def test_of_many_who_forecast_at_once_one_does_and_of_many_who_score_each_hour_counts_once():
    load_reference(now=NOW)
    for zone in ("KE", "DE", "NA"):
        measure(zone)
    assert sum(at_once(lambda: make_own_forecasts(now=NOW))) == 3
    assert CarbonForecast.objects.count() == 3 * REACH_HOURS
    for zone in ("KE", "DE", "NA"):
        measure(zone, first=LAST + HOUR, until=LAST + 6 * HOUR)
    assert sum(at_once(lambda: score_forecasts(now=NOW + 6 * HOUR))) == 18
    assert sum(ForecastScore.objects.values_list("hours", flat=True)) == 18
    assert CarbonForecast.objects.exclude(scored_at=None).count() == 18
