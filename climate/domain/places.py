"""Facts about countries and regions, as values that cross a door."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryFacts:
    """A country and what justice policy may look at. `None` is unknown.

    `gni_usd` per head (World Bank Atlas), `vulnerability` 0..1 (ND-GAIN), `co2_t_per_capita` a year.
    """

    code: str
    name: str
    latitude: float | None
    longitude: float | None
    income_group: str
    is_global_south: bool
    is_ldc: bool
    is_sids: bool
    gni_usd: float | None = None
    vulnerability: float | None = None
    co2_t_per_capita: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionFacts:
    """Where work can run. `pue` None means unknown (the default is then assumed and said so).

    `capacity_source` says of each model class where its capacity comes from, as `pue_source` does of
    the PUE; a capacity that nobody stated begins with "assumed". Empty is not said.
    """

    code: str
    provider: str
    name: str
    city: str
    zone: str
    country_code: str
    latitude: float
    longitude: float
    pue: float | None
    pue_source: str
    contracted_cfe_share: float | None
    is_active: bool = True
    capacity_tokens_per_hour: dict[str, int] = field(default_factory=dict)
    capacity_source: dict[str, str] = field(default_factory=dict)
    contracted_cfe_source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyFacts:
    """An emergency: which countries and purposes it lifts, by how much, until when, and how it came about.

    `state` is one of `climate.domain.alerts.EmergencyState`; only an active one that is no drill changes
    decisions. `alert_level` is the alert's when the state was decided; `decided_by` empty: by the policy.
    """

    id: int
    kind: str
    title: str
    country_codes: tuple[str, ...]
    purposes: tuple[str, ...]
    multiplier: float
    starts_at: datetime
    ends_at: datetime | None
    state: str = "active"
    is_drill: bool = False
    reason: str = ""
    declared_at: datetime | None = None
    alert_id: int | None = None
    policy_version: int | None = None
    alert_level: str = ""
    decided_at: datetime | None = None
    decided_by: str = ""
    is_kept_by_person: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyChange:
    """An emergency as it stood after one change; `change` says in a few words what was done."""

    at: datetime
    state: str
    reason: str
    change: str
    by: str
    multiplier: float
    country_codes: tuple[str, ...]
    ends_at: datetime | None
    alert_level: str
