"""Answers that cannot be stored: the source says so, like of any other failure, and nothing is half stored."""

from __future__ import annotations

import pytest
from django.db import DataError, OperationalError

from climate.domain.collected import Collected
from climate.services import collect as collecting
from climate.services.collect import keep
from climate.services.collect.readings import keep_readings
from tests.integration.climate.collect.toy import HOUR, NOW, collect, readings, row

GOOD = readings(row(1, 300.0), row(0, 310.0))


@pytest.mark.parametrize("error", [DataError("value too long"), OverflowError("date"), ValueError("NUL"), KeyError(1)])
def test_what_storing_raises_marks_the_source_and_stores_nothing(toy, monkeypatch, caplog, error):
    toy.provider.replies(GOOD)
    nothing = toy.rows()

    def stumble(**given):
        keep_readings(**given)
        raise error

    monkeypatch.setattr(keep, "keep_readings", stumble)
    for turn in range(3):
        done = toy.collect(NOW + turn * HOUR)
        assert (done.state, done.problems) == ("failing", ("the answer could not be stored",))

    assert toy.rows() == nothing
    assert (toy.source.consecutive_failures, toy.source.last_error) == (3, "the answer could not be stored")
    assert toy.state(NOW + 2 * HOUR).breaker == "open"
    assert caplog.records[0].exc_info[1] is error


def test_a_busy_database_is_not_the_sources_fault_and_the_turn_is_given_back(toy, monkeypatch):
    toy.provider.replies(GOOD)

    def locked(**_given):
        raise OperationalError("database is locked")

    monkeypatch.setattr(collecting, "keep_answer", locked)
    with pytest.raises(OperationalError):
        toy.collect()

    assert (toy.source.state, toy.source.consecutive_failures) == ("never", 0)
    assert not toy.state().is_running


NASTY = "DE\ud800\x00 " + "x" * 900


def test_texts_that_no_database_takes_are_stored_clean(toy):
    toy.provider.replies(readings(row(1, 300.0, 60, NASTY), row(0, -5.0, 60, NASTY)))
    toy.connect(collect=_with_nasty_problem)

    done = toy.collect()

    assert (done.state, done.new, done.quarantined) == ("ok", 1, 1)
    repr(toy.rows()).encode()
    assert all("\x00" not in each and "\ud800" not in each for each in (*done.problems, toy.source.last_error))


def _with_nasty_problem(http, ask):
    return collect(http, ask).plus(Collected(problems=(NASTY,)))
