"""The terms of a policy, read from the JSON body of a version and checked key by key."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from config.kernel.terms import TermReader
from market.domain.trading.terms import CLASS_NAMES, MECHANISMS, WEIGHT_TERMS, WHOLE_TERMS, MarketTerms

MODEL_CLASSES = ("S", "M", "L", "XL", "XXL")
LATENCY_CLASSES = ("interactive", "regional", "anywhere")
TIERS = ("essential", "public", "research", "commercial")
UNSAID_ALLOCATION: dict[str, Any] = {
    "floor_share": dict.fromkeys(TIERS, 0),
    "reserve_interactive_factor": 1.6,
    "reserve_flexible_factor": 1.0,
    "carbon_budget_g_per_day": None,
    "emergency_floor_multiplier": 1,
    "gives_way_tiers": [],
}
"""What a version without a section `allocation` means: no floors, and nobody gives way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Justice:
    """How need changes the price.

    kind `feebate`: `phi * (mean score - own score) * service`, around the month's running mean;
    the Fund takes in and pays out the difference that the moving mean leaves.
    kind `fixed`: a discount for listed Global South countries, a premium for all others.
    """

    kind: str
    phi: Decimal
    discount: Decimal
    premium: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationTerms:
    """How plans are made.

    `floor_share` by tier of the purpose: share of the plan's free capacity that each party (origin and
    purpose) is guaranteed as long as all floors fit; `emergency_floor_multiplier` raises it for parties
    that an emergency lifts. Room kept free is what is expected times `reserve_interactive_factor` (work
    that must start at once) or `reserve_flexible_factor` (work that can wait a little).
    `carbon_budget_g_per_day` g CO2e, None is none. Undispatched grants of purposes in
    `gives_way_tiers` may be taken back in an emergency.
    """

    floor_share: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TIERS, 0.0))
    reserve_interactive_factor: float = 1.6
    reserve_flexible_factor: float = 1.0
    carbon_budget_g_per_day: float | None = None
    emergency_floor_multiplier: float = 1.0
    gives_way_tiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTerms:
    """One policy version. Money in US$, distances in km, shares 0..1.

    `flat_kwh_per_token` None means energy by model class (`climate.domain.energy`);
    `electricity_usd_per_kwh` sets the floor of a price together with the carbon cost.
    """

    rate_usd_per_token: dict[str, Decimal]
    scarcity_from_utilisation: float
    scarcity_max: Decimal
    urgency_min: Decimal
    urgency_full_window_hours: float
    carbon_usd_per_t: Decimal
    justice: Justice
    renewable_discount: Decimal
    renewable_share_of: str
    fund_pays_renewable: bool
    electricity_usd_per_kwh: Decimal
    flat_kwh_per_token: Decimal | None
    high_need_multiplier: float
    climate_vulnerable_multiplier: float
    high_need_from_score: float
    home_grid_bonus: float
    latency_km: dict[str, float | None]
    maximum_age_minutes: int
    default_pue: float
    hold_lease_minutes: int
    company_scores_by_headquarters: bool
    allocation: AllocationTerms
    market: MarketTerms = field(default_factory=MarketTerms)


def read_terms(body: Any) -> PolicyTerms:
    """Terms from a policy body. Raises TermError naming the key at fault, unknown keys included."""
    reader = TermReader(body)
    terms = PolicyTerms(
        rate_usd_per_token={name: reader.money(f"rate_usd_per_1k_tokens.{name}") / 1000 for name in MODEL_CLASSES},
        scarcity_from_utilisation=reader.number("scarcity.from_utilisation", 0, 1),
        scarcity_max=reader.money("scarcity.max", lowest=1, highest=100),
        urgency_min=reader.money("urgency.min", highest=1),
        urgency_full_window_hours=reader.number("urgency.full_window_hours", 1, 8760),
        carbon_usd_per_t=reader.money("carbon_usd_per_t"),
        justice=_read_justice(reader),
        renewable_discount=reader.money("renewable.discount", highest=1),
        renewable_share_of=reader.choice("renewable.share_of", ("contracted_supply", "grid")),
        fund_pays_renewable=reader.flag("renewable.paid_by_fund"),
        electricity_usd_per_kwh=reader.money("electricity_usd_per_kwh"),
        flat_kwh_per_token=reader.optional_money("flat_kwh_per_token"),
        high_need_multiplier=reader.number("geographic.high_need", 0.01, 100),
        climate_vulnerable_multiplier=reader.number("geographic.climate_vulnerable", 0.01, 100),
        high_need_from_score=reader.number("geographic.high_need_from_score", 0, 1),
        home_grid_bonus=reader.number("home_grid_bonus", 0, 10),
        latency_km={name: reader.distance(f"latency_km.{name}") for name in LATENCY_CLASSES},
        maximum_age_minutes=int(reader.number("maximum_age_minutes", 1, 10_080)),
        default_pue=reader.number("default_pue", 1, 3),
        hold_lease_minutes=int(reader.number("hold_lease_minutes", 1, 10_080)),
        company_scores_by_headquarters=reader.flag("company_scores_by_headquarters"),
        allocation=_read_allocation(reader) if reader.has("allocation") else AllocationTerms(),
        market=_read_market(reader) if reader.has("market") else MarketTerms(),
    )
    reader.refuse_unknown()
    return terms


def _read_justice(reader: TermReader) -> Justice:
    kind = reader.choice("justice.kind", ("feebate", "fixed"))
    zero = Decimal(0)
    if kind == "feebate":
        return Justice(kind=kind, phi=reader.money("justice.phi", highest=1), discount=zero, premium=zero)
    return Justice(
        kind=kind,
        phi=zero,
        discount=reader.money("justice.discount", highest=1),
        premium=reader.money("justice.premium", highest=10),
    )


def _read_allocation(reader: TermReader) -> AllocationTerms:
    return AllocationTerms(
        floor_share={tier: reader.number(f"allocation.floor_share.{tier}", 0, 1) for tier in TIERS},
        reserve_interactive_factor=reader.number("allocation.reserve_interactive_factor", 0, 10),
        reserve_flexible_factor=reader.number("allocation.reserve_flexible_factor", 0, 10),
        carbon_budget_g_per_day=reader.optional_number("allocation.carbon_budget_g_per_day", 0, 1e15),
        emergency_floor_multiplier=reader.number("allocation.emergency_floor_multiplier", 1, 100),
        gives_way_tiers=reader.choices("allocation.gives_way_tiers", TIERS),
    )


def _read_market(reader: TermReader) -> MarketTerms:
    whole: dict[str, Any] = {
        each.name: reader.whole(f"market.{each.name}", each.lowest, each.highest) for each in WHOLE_TERMS
    }
    weights: dict[str, Any] = {name: reader.number(f"market.{name}", 0, 1) for name, _ in WEIGHT_TERMS}
    return MarketTerms(
        mechanism=reader.choice("market.mechanism", MECHANISMS),
        reference_class=reader.choice("market.reference_class", MODEL_CLASSES),
        lot_tokens={name: reader.whole(f"market.lot_tokens.{name}", 1, 1_000_000) for name in CLASS_NAMES},
        **whole,
        **weights,
    )
