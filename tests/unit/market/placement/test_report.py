from __future__ import annotations

from dataclasses import replace

import pytest

from market.domain.placement.report import bottleneck_words
from tests.unit.market.placement.plans import party, plan, site

FULL = replace(party(), asked_tokens=100, service_tokens=100)
SHORT = replace(party(), asked_tokens=100, service_tokens=40)


def words(*parties, **level) -> str:
    inputs = plan(site("se-1", "SE", "SE"), parties=parties)
    return bottleneck_words(inputs, {"level": 1.0, "parties": list(range(len(parties))), "cells": [], **level})


def test_whoever_got_all_is_said_to_have_it():
    assert words(FULL, FULL) == "they got all they asked for"


def test_whoever_lacks_something_is_never_said_to_have_all():
    assert "no more of what they asked fits" in words(FULL, SHORT)


def test_a_carbon_budget_that_stopped_them_is_named():
    assert words(SHORT, by_carbon=True) == "the carbon budget stopped them"


@pytest.mark.parametrize(("count", "ends"), [(1, "was full"), (5, "and 2 more")])
def test_full_hours_are_named_and_the_rest_counted(count, ends):
    told = words(SHORT, cells=[[0, hour % 2] for hour in range(count)])
    assert told.endswith(ends)
    assert "UTC" in told
