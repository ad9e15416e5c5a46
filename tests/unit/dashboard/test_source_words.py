"""A source in words: the same that the notice of an outage goes by."""

from __future__ import annotations

from datetime import timedelta

import pytest

from climate.domain.outage import find_outage
from dashboard.presentation.notices import source_row
from tests.unit.climate.test_outage import NOW, source


@pytest.mark.parametrize(("minutes", "word", "tone"), [(10, "answering", "good"), (21, "overdue", "warn")])
def test_the_word_of_a_source_agrees_with_the_notice(minutes, word, tone):
    state = source(last_success_at=NOW - timedelta(minutes=minutes))
    row = source_row(state, now=NOW)
    assert (row["state"], row["tone"]) == (word, tone)
    assert (find_outage([state], now=NOW) is None) is (word == "answering")


def test_a_paused_source_is_never_overdue():
    assert source_row(source(is_enabled=False, last_success_at=NOW - timedelta(days=3)), now=NOW)["state"] == "paused"
