"""Every connector there is, by name."""

from __future__ import annotations

from climate.connectors import (
    eia,
    electricity_maps,
    energy_charts,
    entsoe,
    gb_carbon_intensity,
    gdacs,
    nws,
    reliefweb,
    watttime,
)
from climate.connectors.contract import Connector

CONNECTORS: dict[str, Connector] = {
    each.CONNECTOR.provider.name: each.CONNECTOR
    for each in (
        eia,
        electricity_maps,
        energy_charts,
        entsoe,
        gb_carbon_intensity,
        gdacs,
        nws,
        reliefweb,
        watttime,
    )
}
