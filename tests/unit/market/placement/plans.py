"""Small plans that tests begin from: two regions in two countries, two model classes, some hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from climate.domain.places import CountryFacts
from market.domain.placement.columns import UNKNOWN, RequestColumns, RequestKind
from market.domain.placement.facts import RequestFacts
from market.domain.placement.plan import Party, PlanInputs, Site
from market.domain.policy import PolicyTerms
from tests.unit.market.examples import BANGLADESH, HOUR, KENYA, NOW, UNITED_STATES, terms

COUNTRIES: dict[str, CountryFacts] = {each.code: each for each in (BANGLADESH, KENYA, UNITED_STATES)}
TERMS: dict[int, PolicyTerms] = {1: terms("default"), 2: terms("seed-2025")}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR_US = 3_600_000_000
NOW_US = int(NOW.timestamp()) * 1_000_000
KIND = RequestKind(
    policy_id=1,
    purpose="climate_adaptation",
    origin="BD",
    scored="BD",
    model_class="L",
    latency_class="anywhere",
)


def site(region: str, zone: str, country: str, model_class: str = "L", **changes: Any) -> Site:
    values: dict[str, Any] = {
        "city": region.upper(),
        "pue": 1.1,
        "pue_is_assumed": False,
        "contracted_cfe_share": None,
        "latitude": 0.0,
        "longitude": 0.0,
    }
    return Site(region=region, zone=zone, country=country, model_class=model_class, **{**values, **changes})


NEAR, FAR = site("bd-1", "BD", "BD"), site("us-1", "US", "US", contracted_cfe_share=0.9, pue=1.3)
"""The home of Bangladesh, on a dirty grid, and a region far away on a clean one."""


def plan(*sites: Site, hours: int = 4, arrays: dict[str, Any] | None = None, **changes: Any) -> PlanInputs:
    """Inputs of a plan of NOW; every zone at 600 g/kWh but US at 300, falling by 10 each hour."""
    sites = sites or (NEAR, FAR)
    zones = tuple(sorted({each.zone for each in sites}))
    regions = tuple(sorted({each.region for each in sites}))
    by_zone, by_site = (len(zones), hours), (len(sites), hours)
    intensity = np.array([[(300.0 if zone == "US" else 600.0) - 10 * hour for hour in range(hours)] for zone in zones])
    values: dict[str, Any] = {
        "intensity_g_per_kwh": intensity,
        "low_g_per_kwh": np.full(by_zone, np.nan),
        "high_g_per_kwh": np.full(by_zone, np.nan),
        "renewable_share": np.full(by_zone, 0.4),
        "carbon_free_share": np.full(by_zone, 0.5),
        "basis": np.zeros(by_zone, dtype=np.int16),
        "source": np.zeros(by_zone, dtype=np.int16),
        "as_of_s": np.full(by_zone, NOW.timestamp()),
        "capacity_tokens": np.full(by_site, 1_000_000, dtype=np.int64),
        "promised_tokens": np.zeros(by_site, dtype=np.int64),
        "kept_tokens": np.zeros(by_site, dtype=np.int64),
        "planned_tokens": np.zeros(by_site, dtype=np.int64),
        "drawn_tokens": np.zeros(by_site, dtype=np.int64),
        "cost_ng_per_token": np.ones(by_site, dtype=np.int64),
        "hour_price_ng_per_token": np.zeros(by_site, dtype=np.int64),
    }
    reach = {"bd-1": 50.0, "us-1": 13_000.0}
    facts: dict[str, Any] = {
        "parties": (),
        "home_of_origin": {"BD": "bd-1", "US": "us-1"},
        "reach_km": {"BD": [reach.get(region) for region in regions]},
        "mean_need_score": 0.4,
    }
    return PlanInputs(
        made_at=NOW,
        first_hour=HOUR,
        hour_count=hours,
        sites=sites,
        zones=zones,
        regions=regions,
        bases=("forecast",),
        sources=("a test",),
        levels=(),
        countries=tuple(COUNTRIES.values()),
        emergencies=(),
        fund_available_micro_usd=10**9,
        floor_scale=1.0,
        caps_are_rounded=False,
        terms_policy_id=1,
        kind="average",
        scope="lifecycle",
        arrays={**values, **(arrays or {})},
        **{**facts, **changes},
    )


def party(kind: RequestKind = KIND, **factors: float) -> Party:
    values = {"purpose": 5.0, "geographic": 1.0, **factors}
    return Party(
        origin=kind.origin,
        scored=kind.scored,
        purpose=kind.purpose,
        weight=float(np.prod(list(values.values()))),
        factors=tuple(values.items()),
        floor_tokens=0.0,
        asked_tokens=0,
        service_tokens=0,
        baseline_tokens=0,
    )


def columns(*rows: dict[str, Any]) -> RequestColumns:
    """Requests of KIND for 2,000 tokens within three hours from NOW, each changed as its row says."""
    kinds = tuple(dict.fromkeys(_kind(row) for row in rows))
    plain = {"tokens": 2000, "input_tokens": None, "price_cap_micro_usd": None, "may_split": False}
    times = {"earliest_us": NOW_US, "latest_us": NOW_US + 2 * HOUR_US, "created_us": NOW_US}
    values = {name: [row.get(name, value) for row in rows] for name, value in {**plain, **times}.items()}
    numbers = {
        name: np.array([UNKNOWN if each is None else each for each in column], dtype=np.int64)
        for name, column in values.items()
    }
    return RequestColumns(
        ids=np.arange(16 * len(rows), dtype=np.uint8).reshape(-1, 16),
        may_split=numbers.pop("may_split") == 1,
        kind=np.array([kinds.index(_kind(row)) for row in rows], dtype=np.int32),
        budget=np.zeros(len(rows), dtype=np.int32),
        kinds=kinds,
        budgets=(UUID(int=1),),
        **numbers,
    )


def _kind(row: dict[str, Any]) -> RequestKind:
    changes = {name: value for name, value in row.items() if name in RequestKind.__dataclass_fields__}
    return replace(KIND, **changes)


def request_facts(
    requests: RequestColumns, index: int, countries: dict[str, CountryFacts] | None = None
) -> RequestFacts:
    """The same request, as one row of the database would say it."""
    kind = requests.kinds[requests.kind[index]]
    known = countries or COUNTRIES
    given, cap = int(requests.input_tokens[index]), int(requests.price_cap_micro_usd[index])
    return RequestFacts(
        tokens=int(requests.tokens[index]),
        input_tokens=None if given == UNKNOWN else given,
        tokens_basis="stated",
        model_class=kind.model_class,
        latency_class=kind.latency_class,
        earliest_at=_moment(requests.earliest_us[index]),
        latest_at=_moment(requests.latest_us[index]),
        created_at=_moment(requests.created_us[index]),
        price_cap_micro_usd=None if cap == UNKNOWN else cap,
        eligible_regions=kind.eligible_regions,
        residency=kind.residency,
        min_cfe_share=kind.min_cfe_share,
        purpose=kind.purpose,
        purpose_title="Climate adaptation",
        origin=known[kind.origin],
        scored_country=known[kind.scored],
    )


def _moment(microseconds: Any) -> datetime:
    return EPOCH + timedelta(microseconds=int(microseconds))
