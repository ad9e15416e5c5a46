"""What a plan was made from and what came of it, as one value that is stored with the run and read back.

Everything here is shared by all requests of a run, so that a placement itself can be a few numbers.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from climate.domain.places import CountryFacts

FORMAT = 2
HOUR = timedelta(hours=1)


class PlacementVerdict(IntEnum):
    """What a plan means for a request."""

    WAITING = 0
    GRANTED = 1
    PARTIAL = 2


class WaitingReason(IntEnum):
    """Why a request is not placed, or not whole."""

    NONE = 0
    NOT_ELIGIBLE = 1  # no region and hour fits its window, latency class, residency, price cap or clean share
    FULL = 2  # the hours it could use are full: its party's share ended before its turn
    BUDGET = 3  # its budget cannot pay (tokens, carbon or money)
    CARBON_BUDGET = 4  # the plan's carbon budget stopped the level
    FUND = 5  # kept for a Fund that cannot pay the discount the price counts on


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One region serving one model class."""

    region: str
    city: str
    zone: str
    country: str
    model_class: str
    pue: float
    pue_is_assumed: bool
    contracted_cfe_share: float | None
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who shares: an origin and a purpose. Tokens; `weight` as `factors` multiply to, by the plan's own policy.

    `baseline_tokens` is what it would have got first come, first served, without any policy.
    """

    origin: str
    scored: str
    purpose: str
    weight: float
    factors: tuple[tuple[str, float], ...]
    floor_tokens: float
    asked_tokens: int
    service_tokens: int
    baseline_tokens: int


ARRAYS = (
    # by zone and hour; NaN is unknown
    "intensity_g_per_kwh",
    "low_g_per_kwh",
    "high_g_per_kwh",
    "renewable_share",
    "carbon_free_share",
    "basis",  # index into `bases`
    "source",  # index into `sources`
    "as_of_s",  # seconds since 1970
    # by site and hour
    "capacity_tokens",
    "promised_tokens",  # grants in force when the plan was made
    "kept_tokens",  # room kept for expected work
    "planned_tokens",
    "drawn_tokens",  # placed by the solver, before what budgets and the Fund cannot pay was left out
    "cost_ng_per_token",
    "hour_price_ng_per_token",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """A run's inputs and prices. `arrays` has the names of ARRAYS; zones Z x T or sites S x T.

    `countries` are those of all origins and all that are scored, as they were known then: weights and
    prices come of them. `home_of_origin` names the region of "run now at home". `reach_km` [origin -> km to each of
    `regions`]. `levels` are the water levels as plain data; `emergencies` those in force.
    `mean_need_score` of settled work (None: nothing settled). `terms_policy_id` is the policy whose
    plan-wide terms (weights, floors, room kept, carbon budget) were used. `caps_are_rounded`: so many
    requests named a highest price that these were rounded down (`market.domain.placement.caps`).
    """

    made_at: datetime
    first_hour: datetime
    hour_count: int
    sites: tuple[Site, ...]
    zones: tuple[str, ...]
    regions: tuple[str, ...]
    bases: tuple[str, ...]
    sources: tuple[str, ...]
    parties: tuple[Party, ...]
    levels: tuple[dict[str, Any], ...]
    emergencies: tuple[dict[str, Any], ...]
    countries: tuple[CountryFacts, ...]
    home_of_origin: dict[str, str]
    reach_km: dict[str, list[float | None]]
    mean_need_score: float | None
    fund_available_micro_usd: int
    floor_scale: float
    caps_are_rounded: bool
    terms_policy_id: int
    kind: str
    scope: str
    arrays: dict[str, NDArray[Any]]

    def hour_at(self, index: int) -> datetime:
        """The beginning of an hour of the plan."""
        return self.first_hour + index * HOUR

    def has_cell(self, site: int, hour: int) -> bool:
        """Whether these are indices of a site and an hour of the plan."""
        return 0 <= site < len(self.sites) and 0 <= hour < self.hour_count

    def country(self, code: str) -> CountryFacts:
        """A country as it was known when the plan was made. Raises KeyError."""
        found = next((each for each in self.countries if each.code == code), None)
        if found is None:
            raise KeyError(code)
        return found

    def to_bytes(self) -> bytes:
        """Compressed; `from_bytes` gives back an equal value."""
        plain = {name: _plain(getattr(self, name)) for name in _FACTS}
        header = json.dumps({"format": FORMAT, **plain}, separators=(",", ":")).encode()
        stream = io.BytesIO()
        named: dict[str, Any] = {"header": np.frombuffer(header, dtype=np.uint8), **self.arrays}
        np.savez_compressed(stream, **named)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, stored: bytes) -> PlanInputs:
        """The inputs as they were. Raises ValueError for a format of another program version."""
        with np.load(io.BytesIO(stored), allow_pickle=False) as loaded:
            values = json.loads(loaded["header"].tobytes())
            arrays = {name: loaded[name] for name in loaded.files if name != "header"}
        if values.pop("format") != FORMAT:
            raise ValueError("These inputs of a plan were written in another format.")
        for name in ("made_at", "first_hour"):
            values[name] = datetime.fromisoformat(values[name])
        values["sites"] = tuple(Site(**each) for each in values["sites"])
        values["countries"] = tuple(CountryFacts(**each) for each in values["countries"])
        values["parties"] = tuple(
            Party(**{**each, "factors": tuple((name, value) for name, value in each["factors"])})
            for each in values["parties"]
        )
        for name in ("zones", "regions", "bases", "sources", "levels", "emergencies"):
            values[name] = tuple(values[name])
        return cls(**values, arrays=arrays)


_FACTS = tuple(name for name in PlanInputs.__dataclass_fields__ if name != "arrays")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Site | Party | CountryFacts):
        return asdict(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
