"""Whose word counts."""

from __future__ import annotations

import pytest

from climate.connectors.registry import CONNECTORS
from climate.domain.preference import OF_PEOPLE, PREFERENCE, preferred
from climate.services.reading_imports import SOURCE_NAME

FEEDS_OF_DISASTERS = {"gdacs", "nws", "reliefweb"}


def test_every_source_of_readings_is_ranked_and_no_other():
    assert set(PREFERENCE) == CONNECTORS.keys() - FEEDS_OF_DISASTERS


@pytest.mark.parametrize("provider", PREFERENCE)
def test_what_people_brought_in_comes_first_and_a_name_nobody_ranked_last(provider):
    assert preferred(["an-unknown-one", provider, "site-roof"]) == "site-roof"
    assert preferred(["an-unknown-one", provider]) == provider


def test_the_import_keeps_readings_of_people_under_such_names_only():
    assert SOURCE_NAME.pattern.startswith(OF_PEOPLE)
    assert SOURCE_NAME.fullmatch("electricity-maps") is None


def test_names_decide_between_sources_that_people_brought():
    assert preferred(["site-b", "site-a"]) == "site-a"
