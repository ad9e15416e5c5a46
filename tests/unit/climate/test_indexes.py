"""Indexes are paid for with every row."""

from __future__ import annotations

import pytest

from climate import models

GROWING = (
    models.CarbonReading,
    models.CarbonReadingMean,
    models.CarbonForecast,
    models.ForecastScore,
    models.ForecastWeights,
)


@pytest.mark.parametrize("model", GROWING)
def test_tables_that_grow_have_no_index_of_the_zone_beside_those_that_begin_with_it(model):
    rules = (*model._meta.constraints, *model._meta.indexes)
    assert "zone" in {name for rule in rules for name in list(getattr(rule, "fields", ()))[:1]}
    assert not model._meta.get_field("zone").db_index
