"""What is stored of an answer: nothing twice, nothing overwritten silently, nothing that cannot be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from climate.models import CarbonForecast, CarbonReading, CarbonReadingRevision, DataSource, QuarantinedValue
from climate.services.collect import collect_source, quarantine
from climate.services.collect.memory import StoredMemory
from config.kernel.errors import NotFound
from tests.integration.climate.collect.toy import HOUR, NOW, readings, row
from tests.integration.climate.provider import reply

MINUTE = timedelta(minutes=1)


def test_an_answer_becomes_readings_and_forecasts(toy):
    ahead = [(NOW.replace(minute=0) + HOUR).isoformat(), 280.0]
    toy.provider.replies(reply({"readings": [row(1, 300.0), row(0, 310.0)], "forecasts": [ahead]}))

    done = toy.collect()

    assert (done.state, done.readings, done.new, done.revised, done.forecasts, done.zones) == ("ok", 2, 2, 0, 1, 1)
    assert toy.stored() == {NOW.replace(minute=0) - HOUR: 300.0, NOW.replace(minute=0): 310.0}
    assert CarbonForecast.objects.get().intensity_g_per_kwh == 280.0
    source = toy.source
    assert (source.state, source.last_success_at, source.latest_period_at) == ("ok", NOW, NOW.replace(minute=0))
    assert (source.last_error, source.consecutive_failures, source.lease_token) == ("", 0, "")


def test_the_same_answer_again_writes_nothing(toy):
    toy.provider.replies(readings(row(1, 300.0, 60, "estimated"), row(0, 1000.0)))
    toy.collect()
    before = toy.rows()

    done = toy.collect(NOW + 15 * MINUTE)

    assert (done.state, done.readings, done.new, done.revised) == ("ok", 2, 0, 0)
    assert toy.rows() == before


def test_an_answer_with_nothing_new_is_an_answer(toy):
    toy.provider.replies(readings())

    assert toy.collect().state == "ok"
    assert toy.source.last_success_at == NOW
    assert toy.state().is_stale is False


def test_a_changed_value_leaves_what_it_was_behind(toy):
    at = NOW.replace(minute=0)
    toy.provider.replies(readings(row(0, 300.0, 60, "estimated")))
    toy.collect()
    toy.provider.replies(readings(row(0, 320.0)))
    done = toy.collect(NOW + 15 * MINUTE)
    toy.provider.replies(readings(row(0, 330.0)))
    toy.collect(NOW + 30 * MINUTE)

    assert (done.new, done.revised) == (0, 1)
    now_held = CarbonReading.objects.get()
    assert (now_held.starts_at, now_held.intensity_g_per_kwh, now_held.flag) == (at, 330.0, "")
    assert (now_held.revision, now_held.received_at) == (2, NOW + 30 * MINUTE)
    before = CarbonReadingRevision.objects.order_by("revision")
    assert [(each.revision, each.intensity_g_per_kwh, each.flag) for each in before] == [
        (0, 300.0, "estimated"),
        (1, 320.0, ""),
    ]
    assert [(each.received_at, each.replaced_at) for each in before] == [
        (NOW, NOW + 15 * MINUTE),
        (NOW + 15 * MINUTE, NOW + 30 * MINUTE),
    ]


def test_of_two_values_of_one_period_in_an_answer_the_later_counts(toy):
    toy.provider.replies(readings(row(0, 300.0), row(0, 305.0)))

    assert toy.collect().new == 1
    assert list(toy.stored().values()) == [305.0]
    assert not CarbonReadingRevision.objects.exists()


CANNOT_BE = {
    "too high": (row(0, 1300.1), "1300.1 g/kWh cannot be"),
    "too low": (row(0, 9.9), "9.9 g/kWh cannot be"),
    "negative": (row(0, -4), "-4 g/kWh cannot be"),
    "no number": (row(0, float("nan")), "nan g/kWh cannot be"),
    "endless": (row(0, float("inf")), "inf g/kWh cannot be"),
    "an hour too far ahead": (row(-2, 300.0), "lies in the future"),
    "no period": (row(0, 300.0, 0), "a period of 0 minutes is not 1 to 60"),
    "a long period": (row(0, 300.0, 90), "a period of 90 minutes is not 1 to 60"),
    "between two periods": (
        [(NOW - 10 * MINUTE).isoformat(), 300.0, 60],
        "does not begin on a whole period of 60 minutes",
    ),
    "archived": (row(24 * 401, 300.0), "is of a period that is in the archive already"),
}


@pytest.mark.parametrize("what", CANNOT_BE)
def test_a_value_that_cannot_be_goes_to_the_quarantine_with_the_reason(toy, what):
    impossible, reason = CANNOT_BE[what]
    toy.provider.replies(readings(row(1, 300.0), impossible))

    done = toy.collect()
    toy.collect(NOW + 15 * MINUTE)

    assert (done.state, done.readings, done.quarantined) == ("ok", 1, 1)
    assert list(toy.stored().values()) == [300.0]
    held = QuarantinedValue.objects.get()
    assert (held.source, held.what, held.zone_code, held.reason) == ("toy", "reading", "DE", reason)
    assert (held.times_seen, held.first_seen_at, held.last_seen_at) == (2, NOW, NOW + 15 * MINUTE)
    assert done.problems == (f"DE {held.starts_at:%Y-%m-%d %H:%M}: {reason}",)
    assert toy.source.last_error == done.problems[0]


def test_the_next_period_may_be_said_a_little_early(toy):
    toy.provider.replies(readings(row(-1, 300.0)))

    assert toy.collect().new == 1


def test_a_forecast_that_cannot_be_is_not_believed_either(toy):
    toy.provider.replies(reply({"forecasts": [row(-1, 5000.0), row(-2, 300.0)]}))

    done = toy.collect()

    assert (done.forecasts, done.quarantined) == (1, 1)
    assert QuarantinedValue.objects.get().what == "forecast"


def test_a_zone_that_is_not_known_is_not_stored(toy, monkeypatch):
    from dataclasses import replace

    from climate.domain.collected import Collected
    from tests.integration.climate.collect import toy as module

    said = module._reading("ZZ", *row(0, 300.0))
    toy.connect(collect=lambda http, ask: Collected(readings=(said, replace(said, zone="DE"))))

    done = toy.collect()

    assert (done.readings, done.quarantined, done.zones) == (1, 1, 1)
    assert QuarantinedValue.objects.get().reason == "the zone is not known"


def test_a_source_gone_mad_fills_no_disk(toy):
    toy.provider.replies(readings(*(row(0, 2000.0 + number) for number in range(quarantine.MOST_AT_ONCE + 50))))

    done = toy.collect()

    assert done.quarantined == quarantine.MOST_AT_ONCE + 50
    assert QuarantinedValue.objects.count() == quarantine.MOST_AT_ONCE
    assert len(done.problems) == 21
    assert done.problems[-1] == f"and {quarantine.MOST_AT_ONCE + 30} more"
    assert 280 < len(toy.source.last_error) <= 300
    assert toy.source.last_error.endswith("cannot …")


def test_a_jump_is_stored_and_flagged(toy):
    toy.provider.replies(readings(row(3, 100.0), row(2, 301.0, 60, "estimated"), row(1, 290.0), row(0, 90.0)))

    toy.collect()

    flags = dict(CarbonReading.objects.values_list("intensity_g_per_kwh", "flag"))
    assert flags == {
        100.0: "",
        301.0: "estimated; jumped from 100 to 301 g/kWh",
        290.0: "",
        90.0: "jumped from 290 to 90 g/kWh",
    }


def test_a_jump_is_seen_against_the_reading_stored_before_but_not_across_an_outage(toy):
    toy.provider.replies(readings(row(4, 100.0)))
    toy.collect()
    toy.provider.replies(readings(row(1, 400.0)))
    toy.collect(NOW + 15 * MINUTE)
    toy.provider.replies(readings(row(0, 900.0), row(-1, 100.0)))
    toy.collect(NOW + 30 * MINUTE)

    flags = dict(CarbonReading.objects.values_list("intensity_g_per_kwh", "flag"))
    assert flags[400.0] == ""
    assert flags[900.0] == ""
    assert CarbonReading.objects.get(starts_at=NOW.replace(minute=0) + HOUR).flag == "jumped from 900 to 100 g/kWh"


def test_all_of_an_answer_is_stored_or_nothing_of_it(toy, monkeypatch):
    toy.provider.replies(readings(row(1, 300.0), row(0, 5000.0), headers={"ETag": '"1"'}))

    def breaks(_memory):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(StoredMemory, "write", breaks)
    before = toy.rows()
    assert toy.collect().problems == ("the answer could not be stored",)

    assert toy.rows() == before
    assert (toy.source.state, toy.source.last_success_at, toy.source.lease_token) == ("failing", None, "")
    assert toy.state().next_due_at == NOW + 15 * MINUTE


def test_an_unknown_source_is_refused(toy):
    with pytest.raises(NotFound):
        collect_source(name="crystal-ball", now=NOW)
    DataSource.objects.create(name="orphan", title="A source without a connector")
    with pytest.raises(NotFound):
        collect_source(name="orphan", now=NOW)
