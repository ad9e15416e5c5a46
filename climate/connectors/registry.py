"""Every connector there is, by name."""

from __future__ import annotations

from climate.connectors import (
    energy_charts,
    gb_carbon_intensity,
    gdacs,
    nws,
    reliefweb,
)
from climate.connectors.contract import Connector

CONNECTORS: dict[str, Connector] = {
    each.CONNECTOR.name: each.CONNECTOR
    for each in (
        gb_carbon_intensity,
        energy_charts,
        gdacs,
        reliefweb,
        nws,
    )
}
