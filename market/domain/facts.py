"""Everything a verdict is computed from, as values that can be stored and read back unchanged."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from climate.domain.carbon import carbon_free_share
from climate.domain.places import CountryFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One region in one hour. Intensities in g CO2e/kWh, distances in km, shares 0..1, None unknown.

    `room_tokens` is what a plan keeps here for the request; None: it may have all that is free.
    `reach_km` is what the latency rule counts where an administrator entered a round-trip time: the
    distance that it stands for (None: the distance itself). `carbon_free_share` is that of the grid.
    Decisions from before these were kept lack `country`, `reach_km` and `carbon_free_share`.
    """

    code: str
    city: str
    zone: str
    starts_at: datetime
    distance_km: float | None
    pue: float
    pue_is_assumed: bool
    capacity_tokens: int
    promised_tokens: int
    intensity_g_per_kwh: float
    low_g_per_kwh: float | None
    high_g_per_kwh: float | None
    renewable_share: float | None
    contracted_cfe_share: float | None
    basis: str
    source: str
    as_of: datetime
    kind: str
    scope: str
    room_tokens: int | None = None
    country: str = ""
    reach_km: float | None = None
    carbon_free_share: float | None = None

    @property
    def free_tokens(self) -> int:
        """Tokens this region can still promise in this hour, to this request."""
        if self.room_tokens is not None:
            return self.room_tokens
        return max(0, self.capacity_tokens - self.promised_tokens)

    @property
    def utilisation(self) -> float:
        """Share of the hour's capacity that is promised."""
        return self.promised_tokens / self.capacity_tokens if self.capacity_tokens else 1.0

    @property
    def clean_share(self) -> float | None:
        """Carbon-free share of what the site draws in this hour, contracts and grid together; None is unknown."""
        return carbon_free_share(contracted=self.contracted_cfe_share, grid=self.carbon_free_share)

    @property
    def latency_reach_km(self) -> float | None:
        """What the latency rule counts."""
        return self.distance_km if self.reach_km is None else self.reach_km

    @property
    def grid_g_per_it_kwh(self) -> float:
        """Grid emissions per kWh at the computers: what placement makes small."""
        return self.intensity_g_per_kwh * self.pue


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFacts:
    """All inputs of a verdict but the policy's terms.

    `home` is the reference "run now at home region". `latency_km` None is no bound. `left_out`
    region-hours were set aside before (`verdict.keep_best`). `price_cap_micro_usd` None is no cap.
    `mean_need_score` is the spend-weighted mean of the period. `residency` names the countries its
    data may not leave, `min_cfe_share` the least `Candidate.clean_share`; None is any.

    Where `preferred` names regions, they are taken in that order, the first with room, in place of the
    cleanest; `routing` is how they came to be ordered so. `least_tokens` is the least of a part that is
    worth granting, `payable_tokens` the most that the budget was found to pay; None is no such bound.
    """

    made_at: datetime
    tokens: int
    input_tokens: int | None
    tokens_basis: str
    model_class: str
    latency_class: str
    latency_km: float | None
    earliest_at: datetime
    window_hours: float
    price_cap_micro_usd: int | None
    eligible_regions: tuple[str, ...] | None
    purpose: str
    purpose_title: str
    priority: float
    origin: CountryFacts
    scored_country: CountryFacts
    mean_need_score: float | None
    home_renewable_share: float | None
    emergency_multiplier: float
    fund_available_micro_usd: int
    candidates: tuple[Candidate, ...]
    left_out: int
    home: Candidate | None
    is_simulated: bool
    residency: tuple[str, ...] | None = None
    min_cfe_share: float | None = None
    preferred: tuple[str, ...] | None = None
    routing: dict[str, Any] | None = None
    least_tokens: int | None = None
    payable_tokens: int | None = None

    @property
    def wanted_tokens(self) -> int:
        """What is to be granted where there is room: all that is asked for, or what of it the budget can pay."""
        return self.tokens if self.payable_tokens is None else min(self.tokens, self.payable_tokens)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives back an equal object."""
        plain: dict[str, Any] = {name: _plain(getattr(self, name)) for name in _NAMES}
        plain["candidates"] = {"columns": list(_COLUMNS), "rows": [_row(each) for each in self.candidates]}
        return plain

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> DecisionFacts:
        """The facts as they were when the verdict was made."""
        values = dict(stored)
        for name in ("made_at", "earliest_at"):
            values[name] = datetime.fromisoformat(values[name])
        for name in ("eligible_regions", "residency", "preferred"):
            listed = values.get(name)
            values[name] = None if listed is None else tuple(listed)
        values["origin"] = CountryFacts(**values["origin"])
        values["scored_country"] = CountryFacts(**values["scored_country"])
        table = values["candidates"]
        values["candidates"] = tuple(_candidate(dict(zip(table["columns"], row, strict=True))) for row in table["rows"])
        values["home"] = _candidate(values["home"]) if values["home"] else None
        return cls(**values)


_NAMES = tuple(each.name for each in fields(DecisionFacts) if each.name != "candidates")
_COLUMNS = tuple(each.name for each in fields(Candidate))
"""Candidates are stored as a table: names once, not sixty times."""
_VALUES = attrgetter(*_COLUMNS)
_TIMES = tuple(_COLUMNS.index(name) for name in ("starts_at", "as_of"))
_OF_COUNTRY = tuple(each.name for each in fields(CountryFacts))
_COUNTRY_VALUES = attrgetter(*_OF_COUNTRY)


def _candidate(stored: dict[str, Any]) -> Candidate:
    times = {name: datetime.fromisoformat(stored[name]) for name in ("starts_at", "as_of")}
    return Candidate(**{**stored, **times})


def _row(candidate: Candidate) -> list[Any]:
    row = list(_VALUES(candidate))
    for index in _TIMES:
        row[index] = row[index].isoformat()
    return row


def _plain(value: Any) -> Any:
    """A value of facts as JSON has it."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, CountryFacts):
        return dict(zip(_OF_COUNTRY, _COUNTRY_VALUES(value), strict=True))
    if isinstance(value, Candidate):
        return dict(zip(_COLUMNS, _row(value), strict=True))
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
