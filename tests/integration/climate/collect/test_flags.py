"""What a connector is told of the readings there are: the flag of the newest one."""

from __future__ import annotations

from climate.domain.collected import Collected
from climate.models import CarbonReading
from tests.integration.climate.collect.toy import HOUR, NOW, readings, row


def test_a_connector_is_told_the_flag_of_each_zones_newest_reading(toy):
    toy.connect(zones=("DE",))
    toy.provider.replies(readings(row(1, 300.0), row(0, 310.0)))
    toy.collect()
    old, new = CarbonReading.objects.order_by("starts_at")
    CarbonReading.objects.filter(pk=old.pk).update(flag="of the older one")
    asks = []
    toy.connect(zones=("DE", "FR"), collect=lambda http, ask: asks.append(ask) or Collected())
    toy.collect(NOW + HOUR)
    CarbonReading.objects.filter(pk=new.pk).update(flag="no longer reported: nuclear")
    toy.collect(NOW + 2 * HOUR)
    assert [ask.flags for ask in asks] == [{}, {"DE": "no longer reported: nuclear"}]
