"""An outage as it happens: the real tasks ask real servers, which die and come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from climate.models import DataSource
from climate.tasks import collect_due_sources
from config.celery import app
from config.environment import SourceSettings
from tests.integration.climate.provider import Asked, Reply, provider, reply
from tests.integration.dashboard.test_outage import decide, notice_of

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
MINUTE, QUARTER = timedelta(minutes=1), timedelta(minutes=15)
SOURCE = "energy-charts"


@pytest.fixture
def clock(time_machine):
    """Lets time pass as the scheduler does, tick by tick of the tasks."""

    class Clock:
        now = NOW

        def pass_by(self, minutes: int, step: int = 1) -> None:
            for _ in range(0, minutes, step):
                self.now += step * MINUTE
                time_machine.move_to(self.now, tick=False)
                collect_due_sources()

    time_machine.move_to(NOW, tick=False)
    return Clock()


@pytest.fixture
def live_world(clock, world, settings, monkeypatch):
    """One source is asked, of a server that a test starts and stops."""
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    DataSource.objects.exclude(pk=SOURCE).update(is_enabled=False)
    app.conf.task_always_eager = True
    yield world
    app.conf.task_always_eager = False


@pytest.fixture
def is_asked_of(settings):
    def point(url: str) -> None:
        asked = SourceSettings(url=url, options={"zones": "DE"})
        settings.CLIMATE_SOURCES = {**settings.CLIMATE_SOURCES, SOURCE: asked}

    return point


def germany(clock: Any):
    """The last day at 300 g/kWh, and the next three hours at 280 to 290."""

    def answer(asked: Asked) -> Reply:
        if asked.path != "/co2eq":
            return Reply(status=404)
        begin = clock.now.replace(minute=clock.now.minute // 15 * 15) - 24 * 4 * QUARTER
        times = [begin + number * QUARTER for number in range(27 * 4)]
        return reply(
            {
                "unix_seconds": [int(at.timestamp()) for at in times],
                "co2eq": [300.0 if at <= clock.now else None for at in times],
                "co2eq_forecast": [280.0 if at > clock.now else None for at in times],
            }
        )

    return answer


def test_an_outage_is_noticed_within_one_interval_lived_through_and_over_by_itself(
    live_world, client, clock, is_asked_of
):
    with provider() as alive:
        alive.answer = germany(clock)
        is_asked_of(alive.url)
        clock.pass_by(1)
        assert notice_of(client) == ""
        basis, words = decide(live_world)
        assert (basis, "(live, energy-charts)" in words) == ("live", True)

    interval = DataSource.objects.get(pk=SOURCE).interval_minutes
    clock.pass_by(interval)
    assert DataSource.objects.get(pk=SOURCE).last_error == "the source cannot be reached (ConnectionError)"
    assert notice_of(client).startswith("All live sources have failed since 10:21 UTC; figures are the last live")

    clock.pass_by(120, step=15)
    basis, words = decide(live_world)
    assert (basis, "(forecast, energy-charts)" in words) == ("forecast", True)
    clock.pass_by(120, step=15)
    basis, words = decide(live_world)
    assert (basis, "(modelled from " in words) == ("modelled", True)
    assert notice_of(client).startswith("All live sources have failed since 10:21 UTC;")

    with provider() as back:
        back.answer = germany(clock)
        is_asked_of(back.url)
        clock.pass_by(60, step=15)  # the longest pause of a source that is left alone
        assert notice_of(client) == ""
        assert decide(live_world)[0] == "live"
