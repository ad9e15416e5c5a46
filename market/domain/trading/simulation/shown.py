"""What a page shows of the simulated week. Everything here is a SIMULATION: say so wherever it is shown.

`SimulatedWeek` has two `policies` (`default` with the zero-sum feebate, `seed-2025` with the Fund). Each
`PolicyWeek` has `ways` (no market, market, market without the carbon adder), `hours` (168 calls), `groups`
(by income group of the team's country) and `tiers` (by tier of the team's purpose). Money is Decimal US$,
quota tokens of class L, carbon grams CO2e, energy location-based.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSource:
    """A data set that the simulation was driven by, what for, and its licence."""

    name: str
    used_for: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedHour:
    """One call. `status` as `CallStatus`; `usd_per_1k_tokens` None: no trades. Volumes in tokens.

    `fund_usd` is what the market has brought the Fund or the Fund paid, its balance after the call.
    """

    starts_at: datetime
    status: str
    usd_per_1k_tokens: Decimal | None
    traded_tokens: int
    wanted_tokens: int
    offered_tokens: int
    factor_percent: int
    fund_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedGroup:
    """Who paid and who received: the sum over some teams, market with adder.

    `paid_usd` is all that buyers paid, of which `justice_usd` is premium (below zero: subsidy); `received_usd`
    what sellers got after `adder_usd`. Shares are percent of the tokens asked for that no quota was left for.
    """

    name: str
    teams: int
    asked_tokens: int
    bought_tokens: int
    paid_usd: Decimal
    justice_usd: Decimal
    sold_tokens: int
    received_usd: Decimal
    adder_usd: Decimal
    refused_percent_without: float
    refused_percent_with: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedWay:
    """The week one way: `name` is `no_market`, `market` or `no_adder`.

    `unused_tokens` is quota left at the end, `refused_tokens` asked for without quota. `carbon_g` is of all tokens
    that ran: own quota at home, bought quota in the region behind the offer. `traded_g_per_1k_tokens` is of bought
    quota alone, None without trades.
    """

    name: str
    quota_tokens: int
    used_tokens: int
    unused_tokens: int
    refused_tokens: int
    traded_tokens: int
    carbon_g: float
    g_per_1k_tokens: float
    traded_g_per_1k_tokens: float | None
    fund_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWeek:
    """The same week under one policy. `fund_began_usd`: a deposit assumed before the first call."""

    policy: str
    justice: str
    fund_began_usd: Decimal
    ways: tuple[SimulatedWay, ...]
    groups: tuple[SimulatedGroup, ...]
    tiers: tuple[SimulatedGroup, ...]
    hours: tuple[SimulatedHour, ...]

    def way(self, name: str) -> SimulatedWay:
        """One way by its name. Raises StopIteration if there is none."""
        return next(each for each in self.ways if each.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedWeek:
    """A SIMULATION made on `made_on` by `command` from `sources` under `assumptions`; `label` says so in a sentence."""

    label: str
    made_on: date
    command: str
    starts_at: datetime
    teams: int
    requests: int
    sources: tuple[SimulatedSource, ...]
    assumptions: tuple[str, ...]
    policies: tuple[PolicyWeek, ...]


def read_week(body: Mapping[str, Any]) -> SimulatedWeek:
    """A week from its file. Raises KeyError for what is missing."""
    starts_at = datetime.fromisoformat(body["starts_at"])
    return SimulatedWeek(
        label=body["label"],
        made_on=date.fromisoformat(body["made_on"]),
        command=body["command"],
        starts_at=starts_at,
        teams=body["teams"],
        requests=body["requests"],
        sources=tuple(SimulatedSource(**each) for each in body["sources"]),
        assumptions=tuple(body["assumptions"]),
        policies=tuple(_policy(each, starts_at) for each in body["policies"]),
    )


def _policy(body: Mapping[str, Any], starts_at: datetime) -> PolicyWeek:
    return PolicyWeek(
        policy=body["policy"],
        justice=body["justice"],
        fund_began_usd=Decimal(body["fund_began_usd"]),
        ways=tuple(SimulatedWay(**_money(each)) for each in body["ways"]),
        groups=tuple(SimulatedGroup(**_money(each)) for each in body["groups"]),
        tiers=tuple(SimulatedGroup(**_money(each)) for each in body["tiers"]),
        hours=tuple(
            SimulatedHour(starts_at=starts_at + index * HOUR, **_money(dict(zip(body["columns"], row, strict=True))))
            for index, row in enumerate(body["hours"])
        ),
    )


def _money(row: Mapping[str, Any]) -> dict[str, Any]:
    """Money is text in the file, in keys that say US$."""
    return {
        name: Decimal(value) if "usd" in name.split("_") and value is not None else value for name, value in row.items()
    }
