"""Every source down: the pages say since when and what is shown instead, and decisions go on and say so."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.signal import OWN_FORECAST_SOURCE
from climate.models import CarbonForecast, CarbonReading, DataSource
from market.selectors import get_request_answer
from tests.integration.dashboard.conftest import ask_for_tokens

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
FRANKFURT = ("aws-eu-central-1",)


@pytest.fixture
def clock(time_machine):
    time_machine.move_to(NOW, tick=False)
    return time_machine


@pytest.fixture
def world_at_ten_twenty(clock, world):
    return world


def report(at: datetime) -> None:
    """Germany's source answers: a reading of the hour, and all sources in good state."""
    CarbonReading.objects.update_or_create(
        zone_id="DE",
        source="energy-charts",
        starts_at=at.replace(minute=0),
        defaults={"period_minutes": 60, "intensity_g_per_kwh": 300.0, "received_at": at},
    )
    DataSource.objects.update(
        state="ok", last_attempt_at=at, last_success_at=at, latest_period_at=at, consecutive_failures=0, last_error=""
    )


def fail(at: datetime) -> None:
    DataSource.objects.update(state="failing", last_attempt_at=at, consecutive_failures=1, last_error="no route")


def expect(hour: datetime) -> None:
    CarbonForecast.objects.create(
        zone_id="DE",
        source=OWN_FORECAST_SOURCE,
        issued_at=NOW,
        starts_at=hour,
        period_minutes=60,
        intensity_g_per_kwh=280.0,
        low_g_per_kwh=240.0,
        high_g_per_kwh=320.0,
    )


def notice_of(client) -> str:
    found = re.search(r'id="notice"[^>]*>([^<]*)<', client.get("/").content.decode())
    assert found
    return found.group(1).strip()


def decide(world) -> tuple[str, str]:
    """Basis and explanation of a decision made now."""
    request_id = ask_for_tokens(world.delta_team_id, eligible_regions=FRANKFURT)
    _, answer = get_request_answer(request_id)
    return answer["carbon"]["basis"], answer["explanation"]


def test_decisions_go_on_by_the_next_rung_say_which_and_are_live_again_when_sources_return(
    world_at_ten_twenty, client, clock
):
    world = world_at_ten_twenty
    report(NOW)
    assert notice_of(client) == ""
    basis, words = decide(world)
    assert (basis, "(live, energy-charts)" in words) == ("live", True)

    clock.move_to(NOW + timedelta(minutes=16), tick=False)
    fail(NOW + timedelta(minutes=15))
    assert notice_of(client).startswith("All live sources have failed since 10:20 UTC; figures are the last live")

    later = NOW + timedelta(hours=2, minutes=35)
    expect(later.replace(minute=0))
    clock.move_to(later, tick=False)
    basis, words = decide(world)
    assert (basis, "(our forecast, commonwatt)" in words) == ("own_forecast", True)
    assert notice_of(client) == (
        "All live sources have failed since 10:20 UTC;"
        " figures are own forecasts, modelled and yearly values, and are labelled so."
    )

    clock.move_to(later + timedelta(hours=1), tick=False)
    basis, words = decide(world)
    assert (basis, "(modelled from " in words) == ("modelled", True)

    back = later + timedelta(hours=2)
    clock.move_to(back, tick=False)
    report(back)
    assert notice_of(client) == ""
    assert decide(world)[0] == "live"


def test_an_outage_of_yesterday_is_named_with_its_day(world_at_ten_twenty, client, clock):
    report(NOW)
    fail(NOW + timedelta(minutes=15))
    clock.move_to(NOW + timedelta(days=1), tick=False)
    assert notice_of(client).startswith("All live sources have failed since 04 Mar 10:20 UTC;")


def test_a_collector_that_stands_still_is_noticed_though_no_source_failed(world_at_ten_twenty, client, clock):
    report(NOW)
    interval = DataSource.objects.get(pk="energy-charts").interval_minutes
    clock.move_to(NOW + timedelta(minutes=interval), tick=False)
    assert notice_of(client) == ""
    clock.move_to(NOW + timedelta(minutes=interval + 6), tick=False)
    assert notice_of(client).startswith("All live sources have failed since 10:20 UTC;")


def test_where_every_source_is_paused_the_page_says_that_none_is_switched_on(world_at_ten_twenty, client):
    DataSource.objects.update(is_enabled=False)
    assert notice_of(client).startswith("No live source is switched on; figures are modelled and yearly values")
