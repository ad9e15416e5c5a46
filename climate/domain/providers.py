"""Who gives climate data: what each provider is called, needs, allows and brings. Its connector says how to ask it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from climate.domain.signal import OWN_FORECAST_SOURCE


class Brings(StrEnum):
    """INTENSITY: of the grids' electricity, measured or expected. ALERTS: of disasters."""

    INTENSITY = "intensity"
    ALERTS = "alerts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider of climate data.

    `needs` names the environment variables without which it cannot be asked. `requests_per_hour` is its
    limit, or ours where it states none. `short` is the name for a line of a table.
    """

    name: str
    title: str
    short: str
    home: str
    licence: str
    brings: Brings
    requests_per_hour: int
    needs: tuple[str, ...] = ()


_ALL = (
    Provider(
        name="eia",
        title="US Energy Information Administration",
        short="EIA",
        home="https://www.eia.gov/opendata",
        licence="public domain (U.S. government)",
        brings=Brings.INTENSITY,
        requests_per_hour=300,
        needs=("EIA_KEY",),
    ),
    Provider(
        name="electricity-maps",
        title="Electricity Maps",
        short="Electricity Maps",
        home="https://www.electricitymaps.com",
        licence="by the plan of the key",
        brings=Brings.INTENSITY,
        requests_per_hour=600,
        needs=("ELECTRICITY_MAPS_KEY",),
    ),
    Provider(
        name="energy-charts",
        title="Energy-Charts (Fraunhofer ISE, Europe)",
        short="Energy-Charts",
        home="https://www.energy-charts.info",
        licence="CC BY 4.0",
        brings=Brings.INTENSITY,
        requests_per_hour=200,
    ),
    Provider(
        name="entsoe",
        title="ENTSO-E Transparency Platform (Europe)",
        short="ENTSO-E",
        home="https://transparency.entsoe.eu",
        licence="terms of the Transparency Platform; the source is named",
        brings=Brings.INTENSITY,
        requests_per_hour=1000,
        needs=("ENTSOE_TOKEN",),
    ),
    Provider(
        name="gb-carbon-intensity",
        title="NESO Carbon Intensity API (Great Britain)",
        short="NESO",
        home="https://carbonintensity.org.uk",
        licence="CC BY 4.0",
        brings=Brings.INTENSITY,
        requests_per_hour=120,
    ),
    Provider(
        name="gdacs",
        title="GDACS disaster alerts (UN and European Commission)",
        short="GDACS",
        home="https://www.gdacs.org",
        licence="Copyright European Union, syndication allowed with acknowledgement",
        brings=Brings.ALERTS,
        requests_per_hour=30,  # no limit is published: two questions every ten minutes, and room for tries
    ),
    Provider(
        name="nws",
        title="US National Weather Service alerts",
        short="US National Weather Service",
        home="https://www.weather.gov/documentation/services-web-api",
        licence="US public domain",
        brings=Brings.ALERTS,
        requests_per_hour=60,  # the limit is not published; asked every five minutes, with room for tries
    ),
    Provider(
        name="reliefweb",
        title="ReliefWeb disasters (UN OCHA)",
        short="ReliefWeb",
        home="https://reliefweb.int",
        licence="ReliefWeb terms of use, source acknowledged",
        brings=Brings.ALERTS,
        requests_per_hour=40,  # 1,000 a day
        needs=("RELIEFWEB_APPNAME",),
    ),
    Provider(
        name="watttime",
        title="WattTime (marginal)",
        short="WattTime",
        home="https://watttime.org",
        licence="by the plan of the account",
        brings=Brings.INTENSITY,
        requests_per_hour=6000,
        needs=("WATTTIME_USERNAME", "WATTTIME_PASSWORD"),
    ),
)

PROVIDERS: dict[str, Provider] = {each.name: each for each in _ALL}
"""Every provider by name."""


def brings_intensity(name: str) -> bool:
    """Whether a source gives intensities. One that is not known here may: what it lacks is only its name."""
    return name not in PROVIDERS or PROVIDERS[name].brings == Brings.INTENSITY


OWN_FORECAST_SHORT = "Commonwatt"


def short_name(name: str) -> str:
    """How a source is called in a line of a table; its own name where it is not of a provider."""
    if name == OWN_FORECAST_SOURCE:
        return OWN_FORECAST_SHORT
    return PROVIDERS[name].short if name in PROVIDERS else name
