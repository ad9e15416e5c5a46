"""Texts from outside, before anything is stored of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from climate.domain.alerts import AlertLevel, CollectedAlert, DisasterKind
from climate.domain.cleaning import cleaned
from climate.domain.collected import Collected, CollectedForecast, CollectedReading
from climate.domain.signal import Scope
from climate.domain.texts import one_line

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
NASTY = "a\ud800b\x00c\nd\u202ee"
READING = CollectedReading(zone="DE", starts_at=NOW, period_minutes=60, intensity_g_per_kwh=300, scope=Scope.LIFECYCLE)
FORECAST = CollectedForecast(
    zone="DE", starts_at=NOW, period_minutes=60, intensity_g_per_kwh=300, scope=Scope.LIFECYCLE
)
ALERT = CollectedAlert(
    external_id="FL1",
    kind=DisasterKind.FLOOD,
    level=AlertLevel.RED,
    title="Überschwemmung in Sylhet, বন্যা",
    places=("BD",),
    starts_at=NOW,
    ends_at=None,
    is_current=True,
    version_at=NOW,
)


def test_one_line_holds_nothing_that_a_database_or_a_page_stumbles_over():
    assert one_line(NASTY, 20) == "a b c d e"
    assert one_line("x" * 30, 20) == "x" * 20
    assert one_line(" Äpfel  und\tбукви ", 20) == "Äpfel und букви"


def test_what_needs_no_cleaning_stays_as_it_is():
    given = Collected(
        readings=(replace(READING, flag="estimated"),),
        forecasts=(FORECAST,),
        alerts=(ALERT,),
        is_complete_alert_list=True,
        problems=("FR: no data",),
    )
    assert cleaned(given) == given


@pytest.mark.parametrize("value", [READING, FORECAST])
def test_zones_and_flags_are_cleaned_and_bounded(value):
    given = replace(value, zone=NASTY + "z" * 500, flag=NASTY + "f" * 500)
    name = "readings" if value is READING else "forecasts"
    (kept,) = getattr(cleaned(Collected(**{name: (given,)})), name)
    assert (kept.zone[:12], len(kept.zone)) == ("a b c d ezzz", 100)
    assert (kept.flag[:12], len(kept.flag)) == ("a b c d efff", 200)


def test_texts_of_an_alert_are_cleaned_and_bounded():
    long = NASTY + "t" * 900
    given = replace(ALERT, title=long, severity_text=long, glide=long, url=long, places=(long,) * 900)
    (kept,) = cleaned(Collected(alerts=(given,))).alerts
    assert [len(each) for each in (kept.title, kept.severity_text, kept.glide, kept.url)] == [300, 300, 40, 500]
    assert (len(kept.places), {len(each) for each in kept.places}) == (300, {100})
    assert kept.title.startswith("a b c d et")


@pytest.mark.parametrize("name", ["", "F" * 121, "FL\ud8001", "FL\x001", "FL\n1"])
def test_an_event_whose_name_cannot_be_kept_whole_is_refused_and_the_list_is_not_complete(name):
    given = Collected(alerts=(ALERT, replace(ALERT, external_id=name)), is_complete_alert_list=True)
    kept = cleaned(given)
    assert [each.external_id for each in kept.alerts] == ["FL1"]
    assert not kept.is_complete_alert_list
    assert len(kept.problems) == 1
    kept.problems[0].encode()


def test_problems_are_cleaned_and_bounded():
    (problem,) = cleaned(Collected(problems=(NASTY + "p" * 900,))).problems
    assert (problem[:10], len(problem)) == ("a b c d ep", 300)


def test_a_time_that_is_outside_of_the_calendar_in_utc_is_left_out():
    west = timezone(timedelta(hours=-5))
    kept = cleaned(Collected(readings=(READING, replace(READING, starts_at=datetime(9999, 12, 31, 23, tzinfo=west)))))
    assert kept.readings == (READING,)
    assert kept.problems == ("DE: a time outside of the calendar",)
