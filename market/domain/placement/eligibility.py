"""Which sites may serve which waiting request in which hour, worked out by kinds of requests, not by rows.

A site is set aside by model class, named regions, residency and latency, in this order and by the
rules of `market.domain.sifting`; an hour of a site by its carbon-free share and, where a request
names a highest price, by its posted price (`market.domain.placement.caps`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from climate.domain.places import CountryFacts
from market.domain.placement.caps import OpenCells, affordable
from market.domain.placement.columns import (
    HOUR_US,
    UNKNOWN,
    PartyKey,
    RequestColumns,
    RequestKind,
    microseconds,
    reach_of,
    zone_of_site,
)
from market.domain.placement.plan import PlanInputs
from market.domain.placement.problem import NO_SET, Flags, Floats, Indices
from market.domain.policy import PolicyTerms

__all__ = ["UNKNOWN", "Eligibility", "RequestColumns", "RequestKind", "eligibility_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """Where and when each request may run; the first two fields go into the Problem as they are.

    `is_eligible` [E, S], `set_of_hour` [P, T] (NO_SET: nothing). By request [N]: `profile`,
    `first_hour` and `last_hour` (inclusive, first > last where no hour of the plan is in its
    window), `party` (index into `parties`), and `can_be_served`:
    some site is eligible in some hour of its window, be it full or not. `caps_are_rounded`: see `caps`.
    """

    is_eligible: Flags
    set_of_hour: Indices
    profile: Indices
    first_hour: Indices
    last_hour: Indices
    party: Indices
    parties: tuple[PartyKey, ...]
    can_be_served: Flags
    caps_are_rounded: bool


def eligibility_of(
    inputs: PlanInputs,
    columns: RequestColumns,
    *,
    terms: Mapping[int, PolicyTerms],
    countries: Mapping[str, CountryFacts],
) -> Eligibility:
    """Profiles, windows and parties of all requests.

    `inputs` may be a draft without parties; its reach and its arrays by zone and site are read.
    `terms` by policy id: of all kinds and of the plan; `countries` by code: of all kinds, origin and scored.
    """
    cells, cells_of_kind = _cells_of_kinds(inputs, columns.kinds, terms)
    opened = OpenCells(cells=cells, of_request=cells_of_kind[columns.kind])
    opened = affordable(inputs, columns, opened, terms=terms, countries=countries)
    is_eligible, set_of_hour, profile_of_cells = _profiles(opened.cells)
    profile = profile_of_cells[opened.of_request]
    first_hour, last_hour = _windows(inputs, columns)
    keys = [kind.party(terms[inputs.terms_policy_id]) for kind in columns.kinds]
    parties = tuple(sorted(set(keys)))
    place = {party: index for index, party in enumerate(parties)}
    party_of_kind = np.array([place[key] for key in keys], dtype=np.int32)
    return Eligibility(
        is_eligible=is_eligible,
        set_of_hour=set_of_hour,
        profile=profile,
        first_hour=first_hour,
        last_hour=last_hour,
        party=party_of_kind[columns.kind],
        parties=parties,
        can_be_served=_has_an_hour(set_of_hour, profile, first_hour, last_hour),
        caps_are_rounded=opened.is_rounded,
    )


def _windows(inputs: PlanInputs, columns: RequestColumns) -> tuple[Indices, Indices]:
    """First and last hour of the plan in which each may run, as `market.domain.asks.hours_of_window` counts them."""
    now_us, plan_us = microseconds(inputs.made_at), microseconds(inputs.first_hour)
    first = (np.maximum(columns.earliest_us, now_us) // HOUR_US * HOUR_US - plan_us) // HOUR_US
    last = (columns.latest_us // HOUR_US * HOUR_US - plan_us) // HOUR_US
    count = inputs.hour_count
    return np.clip(first, 0, count).astype(np.int32), np.clip(last, -1, count - 1).astype(np.int32)


def _has_an_hour(set_of_hour: Indices, profile: Indices, first_hour: Indices, last_hour: Indices) -> Flags:
    """Whether anything is eligible in any hour of each window."""
    before = np.zeros((len(set_of_hour), set_of_hour.shape[1] + 1), dtype=np.int32)
    np.cumsum(set_of_hour != NO_SET, axis=1, out=before[:, 1:])
    has: Flags = before[profile, last_hour + 1] > before[profile, first_hour]
    return has & (first_hour <= last_hour)


def _cells_of_kinds(
    inputs: PlanInputs, kinds: tuple[RequestKind, ...], terms: Mapping[int, PolicyTerms]
) -> tuple[Flags, Indices]:
    """Region-hours that kinds allow, those that are alike once [M, S, T], and which of them each kind has."""
    clean_share = _clean_share(inputs)
    found: dict[bytes, int] = {}
    masks: list[Flags] = []
    known: dict[tuple[object, ...], int] = {}
    of_kind = np.zeros(len(kinds), dtype=np.int32)
    for index, kind in enumerate(kinds):
        latency_km = terms[kind.policy_id].latency_km[kind.latency_class]
        allows = (kind.model_class, kind.eligible_regions, kind.residency, kind.min_cfe_share, latency_km)
        key = (*allows, None if latency_km is None else kind.origin)
        if key not in known:
            hours = np.ones_like(clean_share, dtype=np.bool_)
            if kind.min_cfe_share is not None:
                hours = clean_share >= kind.min_cfe_share  # unknown is NaN and does not do
            mask = hours & _sites_of_kind(inputs, kind, latency_km)[:, None]
            known[key] = found.setdefault(np.packbits(mask).tobytes(), len(masks))
            if known[key] == len(masks):
                masks.append(mask)
        of_kind[index] = known[key]
    return np.array(masks, dtype=np.bool_).reshape(len(masks), *clean_share.shape), of_kind


def _sites_of_kind(inputs: PlanInputs, kind: RequestKind, latency_km: float | None) -> Flags:
    """Sites that may serve in any hour; where none is near enough, the nearest of those allowed."""
    allowed = [
        site.model_class == kind.model_class
        and (kind.eligible_regions is None or site.region in kind.eligible_regions)
        and (kind.residency is None or site.country in kind.residency)
        for site in inputs.sites
    ]
    if latency_km is None:
        return np.array(allowed, dtype=np.bool_)
    reach = reach_of(inputs, kind.origin)
    away = [reach.get(site.region, 0.0) for site in inputs.sites]  # what nobody knows is not held against a site
    nearest = min((km for km, is_allowed in zip(away, allowed, strict=True) if is_allowed), default=0.0)
    within = max(latency_km, nearest)
    return np.array([is_allowed and km <= within for km, is_allowed in zip(away, allowed, strict=True)], dtype=np.bool_)


def _clean_share(inputs: PlanInputs) -> Floats:
    """Carbon-free share of each site and hour [S, T], contract and grid together; NaN is unknown."""
    grid = inputs.arrays["carbon_free_share"][zone_of_site(inputs)]
    contracts = [site.contracted_cfe_share for site in inputs.sites]
    contracted = np.array([np.nan if each is None else each for each in contracts], dtype=np.float64)[:, None]
    # `climate.domain.carbon.carbon_free_share`, of all at once.
    bought, given = np.nan_to_num(contracted), np.nan_to_num(grid)
    return np.where(np.isnan(contracted) & np.isnan(grid), np.nan, bought + (1 - bought) * given)


def _profiles(cells: Flags) -> tuple[Flags, Indices, Indices]:
    """Eligible sets [E, S], profiles [P, T] and the profile of each row of `cells` [M, S, T]."""
    count, site_count, hour_count = cells.shape
    if not cells.size:
        nowhere = np.full((count, hour_count), NO_SET, dtype=np.int32)
        return np.zeros((0, site_count), dtype=np.bool_), nowhere, np.arange(count, dtype=np.int32)
    by_hour = np.ascontiguousarray(cells.transpose(0, 2, 1)).reshape(-1, site_count)
    sets, set_of = _distinct(by_hour)
    is_empty = ~sets.any(axis=1)
    renumbered = np.where(is_empty, NO_SET, np.cumsum(~is_empty) - 1).astype(np.int32)
    profiles, first = np.unique(renumbered[set_of].reshape(count, hour_count), axis=0, return_inverse=True)
    return sets[~is_empty], profiles, first.reshape(-1).astype(np.int32)


def _distinct(rows: Flags) -> tuple[Flags, Indices]:
    """Distinct rows, in the order of their bits, and which of them each row is."""
    packed = np.packbits(rows, axis=1)
    _, first, of_row = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return rows[first], of_row.reshape(-1).astype(np.int32)
