"""From a provider's socket to the ladder: each grid connector through the collection, into the database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings

from climate.connectors import watttime
from climate.models import CarbonReading, DataSource
from climate.selectors import get_signal
from climate.services.collect import collect_source
from climate.services.reference import load_reference
from config.kernel.errors import Conflict
from tests.integration.climate.connectors.test_over_the_wire import CASES, NOW, SECRETS, Provider, answering
from tests.integration.climate.provider import provider

pytestmark = pytest.mark.django_db
KEYED = ("eia", "electricity-maps", "entsoe", "watttime")


@pytest.fixture
def server(monkeypatch):
    watttime.REMEMBERED.tokens.clear()
    watttime.REMEMBERED.regions.clear()
    load_reference(now=NOW)
    with provider() as running:
        for name, case in CASES.items():
            secrets = {key: SECRETS[key] for key in settings.CLIMATE_SOURCES[name].secrets}
            own = replace(
                settings.CLIMATE_SOURCES[name],
                url=running.url,
                secrets=secrets,
                options={**case.options, "zones": case.zone},
            )
            monkeypatch.setitem(settings.CLIMATE_SOURCES, name, own)
        yield running


def kept(server: Provider, name: str) -> list[tuple[object, ...]]:
    answering(server, CASES[name])
    done = collect_source(name=name, now=NOW)
    assert (done.state, done.quarantined) == ("ok", 0), done.problems
    rows = CarbonReading.objects.filter(source=name).order_by("scope", "starts_at")
    return list(rows.values_list("zone", "kind", "scope", "starts_at", "intensity_g_per_kwh", "revision"))


def test_what_every_source_says_is_kept_once_however_often_it_is_asked(server):
    for name, case in CASES.items():
        first = kept(server, name)
        assert {row[0] for row in first} == {case.zone}
        assert len(first) >= case.readings
        assert kept(server, name) == first
    # Marginal values stand beside the average ones and are never taken for them.
    assert {row[1] for row in kept(server, "watttime")} == {"marginal"}
    assert get_signal("SE-SE3", at=NOW, now=NOW).source == "electricity-maps"
    assert get_signal("FR", at=NOW, now=NOW).basis == "live"
    assert not DataSource.objects.exclude(last_error="").filter(pk__in=CASES).exists()


def test_a_source_that_lacks_its_key_is_not_asked(server, monkeypatch):
    for name in KEYED:
        own = settings.CLIMATE_SOURCES[name]
        monkeypatch.setitem(settings.CLIMATE_SOURCES, name, replace(own, secrets=dict.fromkeys(own.secrets, "")))
        with pytest.raises(Conflict, match="must be set"):
            collect_source(name=name, now=NOW)
    assert server.asked == []
