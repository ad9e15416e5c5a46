"""What is known of the providers without asking any."""

from __future__ import annotations

from climate.admin.emergency_forms import known_feeds
from climate.connectors.registry import CONNECTORS
from climate.domain.providers import PROVIDERS, brings_intensity, short_name


def test_every_provider_has_one_connector() -> None:
    assert {name: each.provider for name, each in CONNECTORS.items()} == PROVIDERS


def test_feeds_of_alerts_are_those_that_bring_no_intensity() -> None:
    feeds = {name for name, _ in known_feeds()}
    assert feeds == {"gdacs", "nws", "reliefweb"}
    assert feeds == {name for name in PROVIDERS if not brings_intensity(name)}


def test_a_feed_covers_no_grid_zone_and_the_others_do() -> None:
    for name, connector in CONNECTORS.items():
        assert (connector.zones == ()) is (not brings_intensity(name)), name


def test_a_source_that_is_no_provider_keeps_its_own_name() -> None:
    assert (short_name("entsoe"), short_name("site-roof")) == ("ENTSO-E", "site-roof")
