"""Facts that tests begin from; each test changes what it is about."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from climate.domain.places import CountryFacts
from market.domain.facts import Candidate, DecisionFacts
from market.domain.policy import PolicyTerms, read_terms

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
HOUR = NOW.replace(minute=0)
POLICIES = json.loads((Path(__file__).parents[3] / "market" / "data" / "policies.json").read_text())

BANGLADESH = CountryFacts(
    code="BD",
    name="Bangladesh",
    latitude=23.7,
    longitude=90.4,
    income_group="lower_middle",
    is_global_south=True,
    is_ldc=True,
    is_sids=False,
)
KENYA = replace(BANGLADESH, code="KE", name="Kenya", latitude=-1.3, longitude=36.8, is_ldc=False)
UNITED_STATES = CountryFacts(
    code="US",
    name="United States",
    latitude=38.9,
    longitude=-77.0,
    income_group="high",
    is_global_south=False,
    is_ldc=False,
    is_sids=False,
)


def body(name: str = "default") -> dict[str, Any]:
    """A fresh copy of a shipped policy body."""
    copy: dict[str, Any] = json.loads(json.dumps(POLICIES[name]["body"]))
    return copy


def terms(name: str = "default") -> PolicyTerms:
    return read_terms(body(name))


def candidate(code: str = "aa-north-1", intensity: float = 100.0, **changes: Any) -> Candidate:
    """A region with room in the hour of NOW."""
    values: dict[str, Any] = {
        "code": code,
        "city": code.upper(),
        "zone": "AA",
        "starts_at": HOUR,
        "distance_km": 1000.0,
        "pue": 1.1,
        "pue_is_assumed": False,
        "capacity_tokens": 1_000_000,
        "promised_tokens": 0,
        "intensity_g_per_kwh": intensity,
        "low_g_per_kwh": None,
        "high_g_per_kwh": None,
        "renewable_share": 0.4,
        "contracted_cfe_share": None,
        "basis": "live",
        "source": "a test",
        "as_of": NOW,
        "kind": "average",
        "scope": "lifecycle",
    }
    return Candidate(**{**values, **changes})


def facts(*candidates: Candidate, **changes: Any) -> DecisionFacts:
    """A request from Bangladesh for 2,000 tokens of class L, with all that is known about it."""
    values: dict[str, Any] = {
        "made_at": NOW,
        "tokens": 2000,
        "input_tokens": None,
        "tokens_basis": "stated",
        "model_class": "L",
        "latency_class": "anywhere",
        "latency_km": None,
        "earliest_at": NOW,
        "window_hours": 0.0,
        "price_cap_micro_usd": None,
        "eligible_regions": None,
        "purpose": "climate_adaptation",
        "purpose_title": "Climate adaptation",
        "priority": 5.0,
        "origin": BANGLADESH,
        "scored_country": BANGLADESH,
        "mean_need_score": None,
        "home_renewable_share": 0.02,
        "emergency_multiplier": 1.0,
        "fund_available_micro_usd": 1_000_000_000,
        "candidates": candidates,
        "left_out": 0,
        "home": None,
        "is_simulated": False,
    }
    return DecisionFacts(**{**values, **changes})
