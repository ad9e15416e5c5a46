"""A source of one's own: a connector as simple as can be, and a world with a server that plays its provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Model

from climate.connectors.contract import Ask, Connector
from climate.connectors.http import LIMITS, SourceHttp, SourceMisbehaved
from climate.connectors.registry import CONNECTORS
from climate.domain.collected import Collected, CollectedForecast, CollectedReading
from climate.domain.providers import PROVIDERS, Brings
from climate.domain.providers import Provider as DataProvider
from climate.domain.signal import Scope
from climate.domain.sources import SourceState
from climate.models import (
    CarbonForecast,
    CarbonReading,
    CarbonReadingRevision,
    DataSource,
    QuarantinedValue,
    RememberedAnswer,
)
from climate.selectors.sources import find_source
from climate.services.collect import CollectionResult, collect_source
from climate.services.collect import ask as asking
from config.celery import app
from config.environment import SourceSettings
from tests.integration.climate.provider import Provider, Reply, provider, reply

NAME, KEY = "toy", "TOY_KEY"
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEPT = (CarbonReading, CarbonReadingRevision, CarbonForecast, QuarantinedValue, RememberedAnswer)


def collect(http: SourceHttp, ask: Ask) -> Collected:
    """One request for each zone."""
    collected = Collected()
    headers = {"X-Key": ask.secrets[KEY]} if ask.secrets else {}
    for zone in ask.zones:
        params = {"zone": zone, "since": ask.since_of(zone).isoformat()}
        answer = http.get("/readings", params=params, headers=headers).json()
        if not isinstance(answer, dict):
            raise SourceMisbehaved("the answer has no readings in it")
        collected = collected.plus(
            Collected(
                readings=tuple(_reading(zone, *row) for row in answer.get("readings", [])),
                forecasts=tuple(_forecast(zone, *row) for row in answer.get("forecasts", [])),
            )
        )
    return collected


def _reading(zone: str, start: str, value: float, minutes: int = 60, flag: str = "") -> CollectedReading:
    return CollectedReading(
        zone=zone,
        starts_at=datetime.fromisoformat(start),
        period_minutes=minutes,
        intensity_g_per_kwh=value,
        scope=Scope.LIFECYCLE,
        flag=flag,
    )


def _forecast(zone: str, start: str, value: float) -> CollectedForecast:
    return CollectedForecast(
        zone=zone,
        starts_at=datetime.fromisoformat(start),
        period_minutes=60,
        intensity_g_per_kwh=value,
        scope=Scope.LIFECYCLE,
    )


PROVIDER = DataProvider(
    name=NAME,
    title="A toy",
    short="Toy",
    home="https://toy.example.org",
    licence="CC0",
    brings=Brings.INTENSITY,
    requests_per_hour=60,
)

CONNECTOR = Connector(
    provider=PROVIDER,
    collect=collect,
    interval_minutes=15,
    zones=("DE",),
)


def row(hours_ago: int, value: float, *more: Any) -> list[Any]:
    """A reading of a whole hour before that of NOW."""
    return [(NOW.replace(minute=0) - hours_ago * HOUR).isoformat(), value, *more]


def readings(*rows: list[Any], **changes: Any) -> Reply:
    """An answer with these readings."""
    return reply({"readings": rows}, **changes)


@dataclass
class World:
    """The toy source, its provider, and what is stored of it."""

    provider: Provider
    connect: Callable[..., None]
    configure: Callable[..., None]

    @property
    def source(self) -> DataSource:
        return DataSource.objects.get(pk=NAME)

    def state(self, now: datetime = NOW) -> SourceState:
        found = find_source(NAME, now=now)
        assert found is not None
        return found

    def collect(self, now: datetime = NOW) -> CollectionResult:
        return collect_source(name=NAME, now=now)

    def stored(self) -> dict[datetime, float]:
        rows = CarbonReading.objects.filter(source=NAME)
        assert len({(each.zone_id, each.starts_at) for each in rows}) == len(rows)
        return {each.starts_at: each.intensity_g_per_kwh for each in rows}

    def rows(self) -> dict[type[Model], list[Any]]:
        """Everything that a collection may write, but for the source itself."""
        return {model: list(model.objects.order_by("pk").values()) for model in KEPT}


@contextmanager
def toy_world(monkeypatch: Any, settings: Any, **limits: Any) -> Iterator[World]:
    """The toy is a source like any other; its tasks run at once; nobody sleeps between two tries."""
    DataSource.objects.create(name=NAME, title=PROVIDER.title, interval_minutes=15)
    short = replace(LIMITS, connect_seconds=1.0, read_seconds=0.3, answer_seconds=0.5, **limits)
    monkeypatch.setattr(asking, "LIMITS", short)
    app.conf.task_always_eager = True
    try:
        with provider() as running:

            def connect(**changes: Any) -> None:
                of_provider = {name: changes.pop(name) for name in DataProvider.__slots__ if name in changes}
                toy = replace(PROVIDER, **of_provider)
                monkeypatch.setitem(PROVIDERS, NAME, toy)
                monkeypatch.setitem(CONNECTORS, NAME, replace(CONNECTOR, provider=toy, **changes))

            def configure(url: str = running.url, **given: Any) -> None:
                settings.CLIMATE_SOURCES = {**settings.CLIMATE_SOURCES, NAME: SourceSettings(url=url, **given)}

            connect()
            configure()
            yield World(running, connect, configure)
    finally:
        app.conf.task_always_eager = False
