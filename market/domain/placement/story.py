"""Why a plan serves a request where and when it does, or not yet: as data and in plain words, from stored facts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from market.domain.explanation import usd
from market.domain.placement.cells import cell_at
from market.domain.placement.counterfactuals import Counterfactual, Place
from market.domain.placement.plan import Party, PlanInputs, WaitingReason
from market.domain.placement.report import bottleneck_words
from market.domain.placement.story_words import Told, freedom_words, optimality_words, story_words
from market.domain.placement.words import WAITING_WORDS
from market.domain.price import Price

MOST_CELLS = 12
MARGIN = "An estimate at the margin of this plan: what one request more or less would change, all else as it is."


def tell(told: Told) -> dict[str, Any]:
    """The story as plain data; `words` are its sentences in order."""
    inputs, party = told.inputs, told.inputs.parties[told.party]
    level = level_of(inputs, told.party)
    story = {
        "run": _run(told),
        "party": {**_party(party), "policy": told.policy},
        "floor": _floor(inputs, party),
        "share": _share(party, level),
        "bottleneck": _bottleneck(inputs, level),
        "places": [_place(inputs, each, told.is_degraded) for each in told.places],
        "waiting": _waiting(told),
        "optimality": None if not told.places else _optimality(told),
        "alternatives": [_alternative(inputs, told, each) for each in told.freedoms],
        "price": _price(told.price),
        "emergencies": list(inputs.emergencies),
    }
    return {**story, "words": story_words(told, story)}


def level_of(inputs: PlanInputs, party: int) -> dict[str, Any] | None:
    """The water level at which a party stopped."""
    return next((each for each in inputs.levels if party in each["parties"]), None)


def _run(told: Told) -> dict[str, Any]:
    return {
        "id": told.run_id,
        "made_at": _iso(told.inputs.made_at),
        "is_degraded": told.is_degraded,
        "hours": told.inputs.hour_count,
    }


def _party(party: Party) -> dict[str, Any]:
    return {
        "origin": party.origin,
        "scored": party.scored,
        "purpose": party.purpose,
        "weight": party.weight,
        "factors": [{"name": name, "value": value} for name, value in party.factors],
    }


def _floor(inputs: PlanInputs, party: Party) -> dict[str, Any]:
    guaranteed = party.floor_tokens * inputs.floor_scale
    return {"tokens": party.floor_tokens, "scale": inputs.floor_scale, "guaranteed_tokens": guaranteed}


def _share(party: Party, level: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "asked_tokens": party.asked_tokens,
        "served_tokens": party.service_tokens,
        "served_share": party.service_tokens / party.asked_tokens if party.asked_tokens else None,
        "without_policy_tokens": party.baseline_tokens,
        "level_tokens_per_weight": None if level is None else float(level["level"]),
    }


def _bottleneck(inputs: PlanInputs, level: dict[str, Any] | None) -> dict[str, Any]:
    cells = [] if level is None else [(int(site), int(hour)) for site, hour in level["cells"]]
    return {
        "cells": [_cell_name(inputs, site, hour) for site, hour in cells[:MOST_CELLS]],
        "cell_count": len(cells),
        "words": None if level is None else bottleneck_words(inputs, level),
    }


def _cell_name(inputs: PlanInputs, site: int, hour: int) -> dict[str, Any]:
    place = inputs.sites[site]
    return {"region": place.region, "city": place.city, "starts_at": _iso(inputs.hour_at(hour))}


def _place(inputs: PlanInputs, place: Place, is_degraded: bool) -> dict[str, Any]:
    """Region and hour, what was known of its grid and by whom, and its room."""
    cell = cell_at(inputs, place.site, place.hour, has_prices=not is_degraded)
    return {
        **_cell_name(inputs, place.site, place.hour),
        "tokens": place.tokens,
        "signal": {
            "zone": cell.zone,
            "intensity_g_per_kwh": cell.intensity_g_per_kwh,
            "low_g_per_kwh": cell.low_g_per_kwh,
            "high_g_per_kwh": cell.high_g_per_kwh,
            "basis": cell.basis,
            "source": cell.source,
            "as_of": _iso(cell.as_of),
            "kind": inputs.kind,
            "scope": inputs.scope,
        },
        "room": {
            "capacity_tokens": cell.capacity_tokens,
            "promised_tokens": cell.promised_tokens,
            "kept_for_expected_work_tokens": cell.kept_tokens,
            "planned_tokens": cell.planned_tokens,
            "free_tokens": cell.free_tokens,
        },
        "hour_price_g_per_1k_tokens": cell.hour_price_g_per_1k_tokens,
    }


def _waiting(told: Told) -> dict[str, Any] | None:
    if told.reason == WaitingReason.NONE:
        return None
    return {
        "reason": told.reason.name.lower(),
        "words": WAITING_WORDS[told.reason],
        "could_use_count": len(told.options),
        "could_use": [
            {
                **_cell_name(told.inputs, each.site, each.hour),
                "free_tokens": each.free_tokens,
                "was_full": each.free_tokens < told.asked_tokens,
            }
            for each in told.options[:MOST_CELLS]
        ],
    }


def _optimality(told: Told) -> dict[str, Any]:
    beaten = [each for certificate in told.certificates for each in certificate.beaten_by]
    crowded = [each for certificate in told.certificates for each in certificate.crowded_out_of]
    eligible = all(each.is_eligible for each in told.certificates)
    return {
        "is_claimed": not told.is_degraded,
        "holds": all(each.holds for each in told.certificates),
        "is_eligible": eligible,
        "looked_at": len(told.options),
        "cheaper_with_room": [_cell_name(told.inputs, *each.cell) for each in beaten[:MOST_CELLS]],
        "cheaper_without_room": [_cell_name(told.inputs, *each.cell) for each in crowded[:MOST_CELLS]],
        "words": optimality_words(told, eligible, beaten, crowded),
    }


def _alternative(inputs: PlanInputs, told: Told, freedom: Counterfactual) -> dict[str, Any]:
    option = freedom.option
    return {
        "freedom": freedom.freedom,
        "saved_g": freedom.saved_g,
        "cell": None if option is None else _cell_name(inputs, *option.cell),
        "words": freedom_words(inputs, freedom),
        "basis": MARGIN,
    }


def _price(cost: Price | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    names = ("service", "carbon", "justice", "renewable", "from_fund", "total")
    money = {f"{name}_usd": usd(getattr(cost, name)) for name in names}
    return {**money, "scarcity": cost.scarcity, "urgency": cost.urgency, "notes": list(cost.notes)}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
