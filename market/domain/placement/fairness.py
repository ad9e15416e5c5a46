"""How much each party gets: floors first, then one water level, until every party is held by demand or by room.

The weighted max-min service (Lorenz-dominant flow, Megiddo 1974): no party can get more without
another that has less for its weight getting less. It does not depend on the order of the rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from market.domain.placement.carbon_budget import CarbonStop, stop_by_carbon
from market.domain.placement.party_network import NOTHING, build_party_network, find_cut, held_part
from market.domain.placement.problem import FairService, Ints, Parties, Problem, SolverFailed, WaterLevel
from market.domain.placement.water import Claim, Held, find_floor_scale, settle, whole_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shares:
    """The service before any carbon budget; `claims` with floors as they fit."""

    claims: tuple[Claim, ...]
    tokens: Ints
    floor_scale: Fraction
    held: tuple[Held, ...]


def share_fairly(
    problem: Problem, parties: Parties, *, carbon_budget: int | None = None, seconds: float
) -> FairService:
    """The fair service of each party. It fits, and without a carbon budget it comes to all that can be served.

    `carbon_budget`: units of `problem.cost`; the level stops where the least carbon reaches it. Raises
    SolverFailed when the solver fails, or after `seconds` (looked at between flows), and ValueError for a
    weight that is not above 0 or a floor below 0.
    """
    left = _countdown(seconds)
    shares = _share(problem, _claims(problem, parties), left)
    levels = _levels(shares, problem.capacity_tokens.shape[1])
    if carbon_budget is None:
        return _service(shares.tokens, shares.floor_scale, levels)
    stop = stop_by_carbon(problem, shares.claims, shares.tokens, budget=carbon_budget, seconds_left=left)
    if stop is None:
        return _service(shares.tokens, shares.floor_scale, levels)
    return _stopped(shares, levels, stop)


def _countdown(seconds: float) -> Callable[[], float]:
    """What is left of the time; raises SolverFailed once it is over."""
    ends_at = time.monotonic() + seconds

    def left() -> float:
        rest = ends_at - time.monotonic()
        if rest <= 0:
            raise SolverFailed(f"The fair step took longer than {seconds:g} s.")
        return rest

    return left


def _claims(problem: Problem, parties: Parties) -> tuple[Claim, ...]:
    """Weights and floors as the decimals they are written in, so that 0.1 and 0.2 are exactly that."""
    if (parties.weight <= 0).any() or (parties.floor_tokens < 0).any():
        raise ValueError("A weight must be above 0, and a floor 0 or more.")
    asked = np.zeros(len(parties.weight), dtype=np.int64)
    np.add.at(asked, problem.group_party, problem.group_tokens)
    return tuple(
        Claim(asked=tokens, weight=Fraction(repr(weight)), floor=Fraction(repr(floor)))
        for tokens, weight, floor in zip(
            asked.tolist(), parties.weight.tolist(), parties.floor_tokens.tolist(), strict=True
        )
    )


def _share(problem: Problem, claims: tuple[Claim, ...], left: Callable[[], float]) -> _Shares:
    left()
    network = build_party_network(problem, party_count=len(claims))
    tokens = np.array([claim.asked for claim in claims], dtype=np.int64)
    scarce = find_cut(network, tokens, 1)
    if scarce is None:
        return _Shares(claims=claims, tokens=tokens, floor_scale=Fraction(1), held=())
    network = held_part(network, scarce)
    scale = find_floor_scale(network, claims, left)
    claims = tuple(replace(claim, floor=claim.floor * scale) for claim in claims)
    held = tuple(settle(network, claims, left))
    for part in held:
        tokens[part.network.party] = whole_tokens(part, claims)
    return _Shares(claims=claims, tokens=tokens, floor_scale=scale, held=held)


def _levels(shares: _Shares, hours: int) -> tuple[WaterLevel, ...]:
    """Each party in one level: with the full cells that hold it, or without any where it gets all it asks."""
    found: dict[tuple[Fraction, tuple[int, ...]], list[int]] = {}
    served = set(range(len(shares.claims)))
    for part in shares.held:
        cells = part.network.cell
        full = tuple(cells[cells != NOTHING].tolist())
        for party in part.network.party.tolist():
            if shares.claims[party].at(part.level) < shares.claims[party].asked:
                found.setdefault((part.level, full), []).append(party)
                served.discard(party)
    for party in served:
        claim = shares.claims[party]
        found.setdefault((claim.asked / claim.weight, ()), []).append(party)
    return tuple(
        WaterLevel(level=float(level), parties=tuple(sorted(held)), cells=tuple(divmod(each, hours) for each in cells))
        for (level, cells), held in sorted(found.items(), key=lambda item: (item[0][0], min(item[1])))
    )


def _stopped(shares: _Shares, levels: Sequence[WaterLevel], stop: CarbonStop) -> FairService:
    """Parties that the carbon budget holds have left their level for that of the budget."""
    by_carbon = np.flatnonzero(stop.service_tokens < shares.tokens).tolist()
    kept = [replace(each, parties=tuple(sorted(set(each.parties) - set(by_carbon)))) for each in levels]
    held = WaterLevel(level=float(stop.level), parties=tuple(by_carbon), cells=())
    return FairService(
        service_tokens=stop.service_tokens,
        floor_scale=float(shares.floor_scale * stop.floor_scale),
        levels=tuple(sorted((each for each in (*kept, held) if each.parties), key=lambda each: each.level)),
        stopped_by_carbon=True,
    )


def _service(tokens: Ints, floor_scale: Fraction, levels: tuple[WaterLevel, ...]) -> FairService:
    return FairService(service_tokens=tokens, floor_scale=float(floor_scale), levels=levels, stopped_by_carbon=False)
