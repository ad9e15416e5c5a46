"""The sentences of a plan's story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from market.domain.explanation import grams, significant
from market.domain.placement.cells import cell_at, cell_words
from market.domain.placement.counterfactuals import Certificate, Counterfactual, Option, Place
from market.domain.placement.plan import Party, PlanInputs, WaitingReason
from market.domain.placement.words import ROUNDED_CAP, WAITING_WORDS, clock
from market.domain.price import Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a story is told from. `places` is empty for work that waits; `party` indexes the plan's parties.

    `policy` names the version that weighed the parties; `price` is by the request's own.
    """

    inputs: PlanInputs
    run_id: int
    policy: str
    is_degraded: bool
    party: int
    asked_tokens: int
    places: tuple[Place, ...]
    reason: WaitingReason
    options: tuple[Option, ...]
    certificates: tuple[Certificate, ...]
    freedoms: tuple[Counterfactual, ...]
    price: Price | None


def story_words(told: Told, story: dict[str, Any]) -> list[str]:
    """All sentences, in order."""
    inputs, party = told.inputs, told.inputs.parties[told.party]
    factors = " x ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in party.factors)
    words = [
        f"Run {told.run_id} planned {inputs.hour_count} hours from {clock(inputs.first_hour)}.",
        f"Party {party.origin}, {party.purpose.replace('_', ' ')}: weight {party.weight:g} ({factors})"
        f" by policy {told.policy}.",
        _share_words(inputs, party, story),
        *(_place_words(inputs, each, told) for each in told.places),
    ]
    if story["waiting"] is not None:
        words += _waiting_words(told)
    if story["optimality"] is not None:
        words.append(story["optimality"]["words"])
    words += [each["words"] for each in story["alternatives"]]
    words += [f"In force: {each.get('title', 'an emergency')}." for each in inputs.emergencies]
    return words


def _share_words(inputs: PlanInputs, party: Party, story: dict[str, Any]) -> str:
    guaranteed = story["floor"]["guaranteed_tokens"]
    floor = f" {guaranteed:,.0f} are guaranteed to it, whatever others ask for." if guaranteed else ""
    got = f"It asked for {party.asked_tokens:,} tokens and got {party.service_tokens:,}.{floor}"
    if party.service_tokens >= party.asked_tokens or not story["bottleneck"]["words"]:
        return got
    level = story["share"]["level_tokens_per_weight"]
    return f"{got} Its share ended at {level:,.1f} tokens per weight: {story['bottleneck']['words']}."


def _place_words(inputs: PlanInputs, place: Place, told: Told) -> str:
    cell = cell_at(inputs, place.site, place.hour, has_prices=not told.is_degraded)
    known = cell.intensity_g_per_kwh
    intensity = "an unknown intensity" if known is None else f"{significant(known)} g CO2e/kWh"
    kept = f", {cell.kept_tokens:,} kept for expected work" if cell.kept_tokens else ""
    return (
        f"{place.tokens:,} tokens run in {cell_words(inputs, place.site, place.hour)} at {intensity}"
        f" ({cell.basis}, {cell.source}); of its {cell.capacity_tokens:,} tokens"
        f" {cell.promised_tokens + cell.planned_tokens:,} are promised or planned{kept}."
    )


def _waiting_words(told: Told) -> list[str]:
    words = [WAITING_WORDS[told.reason]]
    if told.reason == WaitingReason.NOT_ELIGIBLE and told.options:
        words = [f"{ROUNDED_CAP} Its own would have paid for {_named(told.inputs, told.options)}."]
    full = [each for each in told.options if each.free_tokens < told.asked_tokens]
    if told.reason == WaitingReason.FULL and full:
        words.append(f"{_named(told.inputs, full)}: {len(full):,} of {len(told.options):,} had no room for it.")
    return words


def optimality_words(told: Told, eligible: bool, beaten: Sequence[Option], crowded: Sequence[Option]) -> str:
    """Whether its place was the best within reach."""
    if not eligible:
        return "Its region and hour are not among those it may use."
    if told.is_degraded:
        return "The solver had failed: the plan is feasible, and nothing is claimed of its being the greenest."
    if beaten:
        return f"{_named(told.inputs, beaten)} had room for it at less carbon: this is not the best place."
    many = f"None of the {len(told.options):,} region-hours it may use"
    roomy = [each for each in crowded if each.free_tokens]
    if roomy:
        return (
            f"{many} had room for the whole of it at less carbon. {_named(told.inputs, roomy)} would have been"
            " cleaner for a part of it: requests are not cut."
        )
    if crowded:
        return f"{many} had room for it at less carbon."
    return f"{many} costs less carbon, what it would crowd out counted in."


def _named(inputs: PlanInputs, options: Sequence[Option]) -> str:
    more = f" and {len(options) - 1:,} more" if len(options) > 1 else ""
    return f"{cell_words(inputs, *options[0].cell)}{more}"


def freedom_words(inputs: PlanInputs, freedom: Counterfactual) -> str:
    """What more freedom would have saved."""
    begin = freedom.freedom[0].upper() + freedom.freedom[1:]
    if freedom.option is None:
        return f"{begin} would have saved nothing in this plan."
    where = cell_words(inputs, *freedom.option.cell)
    return f"{begin} would have saved about {grams(freedom.saved_g)} CO2e, in {where} (estimated)."
