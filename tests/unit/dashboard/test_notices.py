"""What a reader must know of all figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.outage import Outage
from climate.domain.signal import Basis
from dashboard.presentation.notices import notice_words

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DOWN = Outage(since=NOW - timedelta(minutes=100), sources=3)


@pytest.mark.parametrize("basis", [Basis.LIVE, Basis.FORECAST])
def test_while_sources_answer_and_something_is_live_nothing_is_said(basis):
    assert notice_words(None, {basis, Basis.MODELLED}, now=NOW) == ""


def test_an_import_counts_as_live_where_no_source_was_ever_there():
    never = Outage(since=None, sources=2)
    assert notice_words(never, {Basis.LIVE}, now=NOW) == ""
    assert notice_words(never, {Basis.MODELLED}, now=NOW).startswith("No live source has answered yet; figures are")


@pytest.mark.parametrize(
    ("bases", "words"),
    [
        ({Basis.OWN_FORECAST, Basis.MODELLED, Basis.YEARLY_ZONE}, "own forecasts, modelled and yearly values"),
        ({Basis.LIVE, Basis.FORECAST}, "the last live readings and providers’ last forecasts"),
        ({Basis.YEARLY_COUNTRY, Basis.YEARLY_ZONE}, "yearly values"),
        ({Basis.MODELLED, Basis.WORLD}, "modelled and world mean values"),
        ({Basis.OWN_FORECAST}, "own forecasts"),
    ],
)
def test_an_outage_names_the_rungs_in_use_best_first(bases, words):
    said = notice_words(DOWN, bases, now=NOW)
    assert said == f"All live sources have failed since 10:20 UTC; figures are {words}, and are labelled so."


def test_without_any_figure_the_notice_claims_none():
    assert "figures are unknown" in notice_words(DOWN, set(), now=NOW)
