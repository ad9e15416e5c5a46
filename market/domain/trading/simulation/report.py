"""The simulated week as it is written down: sums by group of teams, and each hour."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np

from market.domain.placement.problem import Flags
from market.domain.policy import PolicyTerms
from market.domain.trading.simulation.inputs import Inputs, SimulatedTeam
from market.domain.trading.simulation.rules import MODEL_CLASS
from market.domain.trading.simulation.week import HourOf, Week, run_week

UG_PER_G = 1e6
INCOME_ORDER = ("low", "lower_middle", "upper_middle", "high")
TIER_ORDER = ("essential", "public", "research", "commercial")
COLUMNS = (
    "status",
    "usd_per_1k_tokens",
    "traded_tokens",
    "wanted_tokens",
    "offered_tokens",
    "factor_percent",
    "fund_usd",
)


def policy_week(
    inputs: Inputs, terms: PolicyTerms, *, policy: str, justice: str, fund_micro_usd: int
) -> dict[str, Any]:
    """One policy's week in its three ways, in the shape that `shown.read_week` reads."""
    ways = {
        "no_market": run_week(inputs, terms, fund_micro_usd=fund_micro_usd, has_market=False),
        "market": run_week(inputs, terms, fund_micro_usd=fund_micro_usd),
        "no_adder": run_week(inputs, terms, fund_micro_usd=fund_micro_usd, has_adder=False),
    }
    with_market, without = ways["market"], ways["no_market"]

    def rows(names: tuple[str, ...], name_of: Callable[[SimulatedTeam], str]) -> list[dict[str, Any]]:
        belongs = np.array([name_of(team) for team in inputs.teams])
        return [_group(name, belongs == name, inputs, with_market, without) for name in names]

    return {
        "policy": policy,
        "justice": justice,
        "fund_began_usd": usd(fund_micro_usd),
        "ways": [_way(name, inputs, week) for name, week in ways.items()],
        "groups": rows(INCOME_ORDER, lambda team: team.country.income_group),
        "tiers": rows(TIER_ORDER, lambda team: team.tier),
        "columns": list(COLUMNS),
        "hours": [_hour(each, terms.market.lot_tokens[MODEL_CLASS]) for each in with_market.hours],
    }


def usd(micro: int) -> str:
    """Micro-USD as US$ in text."""
    return f"{Decimal(micro) / 1_000_000:.6f}"


def _group(name: str, chosen: Flags, inputs: Inputs, week: Week, without: Week) -> dict[str, Any]:
    asked = int(inputs.asked[chosen].sum())
    return {
        "name": name,
        "teams": int(chosen.sum()),
        "asked_tokens": asked,
        "bought_tokens": int(week.got[chosen].sum()),
        "paid_usd": usd(int(week.paid[chosen].sum())),
        "justice_usd": usd(int(week.justice[chosen].sum())),
        "sold_tokens": int(week.sold[chosen].sum()),
        "received_usd": usd(int(week.received[chosen].sum())),
        "adder_usd": usd(int(week.adder[chosen].sum())),
        "refused_percent_without": _percent(int(without.refused[chosen].sum()), asked),
        "refused_percent_with": _percent(int(week.refused[chosen].sum()), asked),
    }


def _way(name: str, inputs: Inputs, week: Week) -> dict[str, Any]:
    used, got = int(week.used.sum()), int(week.got.sum())
    return {
        "name": name,
        "quota_tokens": int(inputs.quota.sum()),
        "used_tokens": used,
        "unused_tokens": int(week.own.sum() + week.bought.sum()),
        "refused_tokens": int(week.refused.sum()),
        "traded_tokens": got,
        "carbon_g": round(float(week.used_ug.sum()) / UG_PER_G, 1),
        "g_per_1k_tokens": round(float(week.used_ug.sum()) / UG_PER_G / used * 1000, 5),
        "traded_g_per_1k_tokens": round(float(week.bought_ug.sum()) / UG_PER_G / got * 1000, 5) if got else None,
        "fund_usd": usd(week.fund),
    }


def _hour(hour: HourOf, lot_tokens: int) -> list[Any]:
    price = None if hour.price_ticks is None else usd(hour.price_ticks * 1000 // lot_tokens)
    lots = (hour.traded_lots, hour.wanted_lots, hour.offered_lots)
    return [
        str(hour.status),
        price,
        *(each * lot_tokens for each in lots),
        hour.factor_percent,
        usd(hour.fund_micro_usd),
    ]


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0
