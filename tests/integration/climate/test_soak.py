"""A week of three sources in which everything goes wrong, ended with exactly what the sources had.

The week passes in ticks of a minute, as the scheduler ticks; the providers are real servers on this machine.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from climate.connectors.http import LIMITS
from climate.domain.providers import PROVIDERS
from climate.models import CarbonReading, CarbonReadingRevision, DataSource, GridZone, QuarantinedValue
from climate.selectors import list_sources
from climate.services.collect import ask
from climate.tasks import collect_due_sources
from config.celery import app
from config.environment import SourceSettings
from tests.integration.climate import soak_world as world
from tests.integration.climate.provider import provider

SOURCES = {
    "gb-carbon-intensity": {"options": {"zones": "GB"}},
    "energy-charts": {"options": {"zones": "DE,FR"}},
    "electricity-maps": {
        "options": {"zones": "SE-SE3", "version": "v4"},
        "secrets": {"ELECTRICITY_MAPS_KEY": world.KEY},
    },
}

SHORT = replace(LIMITS, connect_seconds=1.0, read_seconds=0.15, answer_seconds=0.3, answer_bytes=200_000)
"""While things go wrong: a machine too slow for it adds faults to those that are played."""

MINUTES = {"gb-carbon-intensity": 30, "energy-charts": 15, "electricity-maps": 30}


@pytest.fixture
def week(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[world.Week]:
    """The sources, asked of servers that play the week."""
    GridZone.objects.bulk_create(
        GridZone(code=series.zone, name=series.zone) for series in {s.zone: s for s in world.ALL}.values()
    )
    DataSource.objects.bulk_create(
        DataSource(name=name, title=name, interval_minutes=MINUTES[name]) for name in SOURCES
    )
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _seconds: None)
    monkeypatch.setattr(ask, "LIMITS", SHORT)
    app.conf.task_always_eager = True
    lived = world.Week(seed=20260321)
    with contextlib.ExitStack() as running:
        given = {}
        for name, described in SOURCES.items():
            server = running.enter_context(provider())
            server.answer = lambda asked, name=name: lived.answer(name, asked)
            given[name] = SourceSettings(url=server.url, **described)
        settings.CLIMATE_SOURCES = {**settings.CLIMATE_SOURCES, **given}
        yield lived
    app.conf.task_always_eager = False


def live(week: world.Week, time_machine: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """Let the week pass; how many requests each source had counted at the end of each tick."""
    counted: list[dict[str, int]] = []
    while week.now < week.ends_at:
        time_machine.move_to(week.now, tick=False)
        if week.is_calm:
            # What the week ends with must not depend on how fast this machine answers.
            monkeypatch.setattr(ask, "LIMITS", LIMITS)
        collect_due_sources()
        if week.now.minute == 0:
            counted.append({each.name: each.requests_in_hour for each in list_sources(now=week.now)})
        week.now += world.MINUTE
    return counted


def last_asked_at(source: str) -> datetime:
    found = DataSource.objects.get(pk=source).last_success_at
    assert found is not None
    return found


def expected(series: world.Series) -> dict[datetime, float]:
    """All that the provider had when it was asked last, as it said it then."""
    until = last_asked_at(series.source)
    values = {at: series.value(at, now=until) for at in series.periods(world.BEGIN_OF_RECORDS, until)}
    found = {at: value for at, value in values.items() if value is not None}
    if series is world.GB_MIX:
        return {at: pytest.approx(world.intensity_of_percent(value / 10), abs=1e-6) for at, value in found.items()}
    return {at: pytest.approx(value) for at, value in found.items()}


def stored(series: world.Series) -> dict[datetime, float]:
    rows = CarbonReading.objects.filter(source=series.source, zone=series.zone, scope=series.scope)
    found = {row.starts_at: row.intensity_g_per_kwh for row in rows}
    assert len(found) == len(rows), "a period twice"
    assert {row.period_minutes for row in rows} == {series.minutes}
    return found


def test_a_week_of_faults_ends_with_exactly_what_the_sources_had(week, time_machine, monkeypatch, record_property):
    began = time.perf_counter()
    counted = live(week, time_machine, monkeypatch)
    speed = timedelta(days=7).total_seconds() / (time.perf_counter() - began)
    record_property("times_real_speed", round(speed))
    print(f"\n{speed:,.0f} times real speed; faults: {dict(week.faults)}")  # noqa: T201

    time_machine.move_to(week.now, tick=False)
    for series in world.ALL:
        assert stored(series) == expected(series), series
    _check_revisions()
    _check_quarantine(week)
    _check_states(week)
    assert all(made <= PROVIDERS[name].requests_per_hour for hour in counted for name, made in hour.items())
    every_kind = {*world.PASSING_FAULTS, "an impossible value", "an outage", "all down", "403 with HTML", "304"}
    assert set(week.faults) == every_kind, "a week without one of the faults shows little"


def _check_revisions() -> None:
    """Each change of a value left the older one behind, and nothing else did."""
    before = {}
    for row in CarbonReadingRevision.objects.order_by("revision"):
        before.setdefault((row.source, row.zone_id, row.scope, row.starts_at), []).append(row)
    numbers = {
        (row.source, row.zone_id, row.scope, row.starts_at): row.revision
        for row in CarbonReading.objects.filter(revision__gt=0)
    }
    assert {key: [row.revision for row in rows] for key, rows in before.items()} == {
        key: list(range(number)) for key, number in numbers.items()
    }
    seen = [_changed_value(series) for series in world.ALL]
    assert sum(seen) > 50


def _changed_value(series: world.Series) -> int:
    """Revisions of a value hold what the provider had said first; how many there are."""
    count = 0
    for row in CarbonReadingRevision.objects.filter(source=series.source, zone=series.zone, scope=series.scope):
        first = series.value(row.starts_at, now=series.published_at(row.starts_at))
        assert first is not None
        said = world.intensity_of_percent(first / 10) if series is world.GB_MIX else first
        assert row.intensity_g_per_kwh in (pytest.approx(said, abs=1e-6), _last(series, row.starts_at))
        count += row.intensity_g_per_kwh == pytest.approx(said, abs=1e-6)
    return count


def _last(series: world.Series, at: datetime) -> Any:
    """What is stored now: of a revision by which only the share or the flag changed."""
    return CarbonReading.objects.get(
        source=series.source, zone=series.zone, scope=series.scope, starts_at=at
    ).intensity_g_per_kwh


def _check_quarantine(week: world.Week) -> None:
    """Only what was made up is there."""
    values = set(QuarantinedValue.objects.values_list("reason", flat=True))
    assert values == {f"{world.IMPOSSIBLE:g} g/kWh cannot be"}


def _check_states(week: world.Week) -> None:
    """All three are live again by themselves."""
    states = {each.name: each for each in list_sources(now=week.now)}
    assert set(states) == set(SOURCES)
    for each in states.values():
        assert (each.state, each.breaker, each.is_stale) == ("ok", "closed", False), each
    assert all(each.age_minutes is not None and each.age_minutes <= MINUTES[each.name] for each in states.values())
