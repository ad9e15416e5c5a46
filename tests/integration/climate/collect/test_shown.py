"""What the API and the command tell of a source."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from climate.models import CarbonForecast
from tests.integration.climate.collect.toy import NOW, readings, row
from tests.integration.climate.provider import Reply
from tests.integration.world import make_team

GOOD = readings(row(1, 300.0), row(0, 5000.0))


@pytest.fixture
def told(toy, time_machine):
    """The toy's row in the API at a time."""
    from climate.models import Country

    Country.objects.create(code="DE", iso3="DEU", name="Germany", latitude=51, longitude=10)
    time_machine.move_to(NOW, tick=False)
    client = make_team().client

    def ask(now=NOW):
        time_machine.move_to(now, tick=False)
        (found,) = client.get("/api/v1/sources/").json()["results"]
        return found

    return ask


def test_a_source_tells_how_it_does_and_on_what_terms(toy, told):
    toy.provider.replies(GOOD)
    toy.collect()

    assert told(NOW + timedelta(minutes=10)) == {
        "name": "toy",
        "title": "A toy",
        "home": "https://toy.example.org",
        "licence": "CC0",
        "state": "ok",
        "is_enabled": True,
        "is_stale": False,
        "age_minutes": 10.0,
        "interval_minutes": 15,
        "last_attempt_at": "2026-03-04T10:20:00Z",
        "last_success_at": "2026-03-04T10:20:00Z",
        "latest_period_at": "2026-03-04T09:00:00Z",
        "next_due_at": "2026-03-04T10:35:00Z",
        "consecutive_failures": 0,
        "not_before": None,
        "is_running": False,
        "breaker": "closed",
        "requests_in_hour": 1,
        "requests_per_hour": 60,
        "needs": [],
        "last_error": "DE 2026-03-04 10:00: 5000 g/kWh cannot be",
    }


def test_a_source_that_asked_us_to_wait_tells_until_when(toy, told):
    toy.provider.replies(Reply(status=503, headers={"Retry-After": "5400"}))
    toy.collect()

    row_now, row_later = told(), told(NOW + timedelta(hours=2))
    assert row_now["not_before"].startswith("2026-03-04T11:50:0")
    assert row_now["next_due_at"] == row_now["not_before"]
    assert row_later["not_before"] is None


def test_a_source_without_its_key_tells_what_it_needs(toy, told):
    toy.connect(needs=("TOY_KEY",))

    row_now = told()
    assert (row_now["state"], row_now["needs"], row_now["next_due_at"]) == ("unconfigured", ["TOY_KEY"], None)


def test_the_command_asks_and_tells_what_was_stored(toy, time_machine):
    time_machine.move_to(NOW, tick=False)
    toy.provider.replies(GOOD)
    said = StringIO()
    call_command("collect_climate", stdout=said)

    assert "toy" in said.getvalue()
    assert "5000 g/kWh cannot be" in " ".join(said.getvalue().split())
    assert list(toy.stored().values()) == [300.0]


def test_the_command_makes_the_own_forecasts_of_what_it_brought(toy, time_machine):
    time_machine.move_to(NOW, tick=False)
    toy.provider.replies(readings(*(row(hours, 300.0) for hours in range(60, 0, -1))))
    said = StringIO()
    call_command("collect_climate", stdout=said)

    assert "own forecast: made anew of 1 zone" in said.getvalue()
    assert CarbonForecast.objects.filter(source="commonwatt").exists()


def test_the_command_leaves_out_what_cannot_be_asked_and_says_why_when_told_to_ask_it(toy):
    toy.connect(needs=("TOY_KEY",))
    call_command("collect_climate", stdout=StringIO())

    assert toy.provider.asked == []
    with pytest.raises(CommandError, match="TOY_KEY must be set"):
        call_command("collect_climate", "--source", "toy", stdout=StringIO())
    with pytest.raises(CommandError, match="There is no source"):
        call_command("collect_climate", "--source", "crystal-ball", stdout=StringIO())
