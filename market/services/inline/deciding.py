"""Verdicts on a batch of asks, one after the other: each sees what those before it have taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from budgets.domain.units import Amounts, Unit
from market.domain.facts import Candidate, DecisionFacts
from market.domain.footprint import Footprint
from market.domain.placement.promised import promised_amounts
from market.domain.price import Price
from market.domain.verdict import Verdict, decide, price_of
from market.selectors.scenes import Scene, facts_of_ask
from market.services.inline.checking import Checked

Place = tuple[str, str]
"""Region and model class, in the hour of the batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a verdict grants, and what it takes from the budget."""

    tokens: int
    place: Place
    candidate: Candidate
    price: Price
    footprint: Footprint
    amounts: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One ask with its verdict; `grant` None where nothing is granted."""

    of: Checked
    facts: DecisionFacts
    verdict: Verdict
    grant: Grant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a batch begins with: tokens that are taken of this hour by place, and what the Fund can promise."""

    taken: Mapping[Place, int]
    fund_available_micro_usd: int


def decide_all(asks: Sequence[Checked], scene: Scene, room: Room, *, now: datetime) -> list[Decided]:
    """A verdict for each, as if all before it had been granted what it was."""
    taken, fund = dict(room.taken), room.fund_available_micro_usd
    decided = []
    for each in asks:
        one = decided_of(each, scene, facts_of(each, scene, Room(taken=taken, fund_available_micro_usd=fund), now=now))
        decided.append(one)
        if one.grant:
            taken[one.grant.place] = taken.get(one.grant.place, 0) + one.grant.tokens
            fund -= one.grant.price.from_fund
    return decided


def facts_of(each: Checked, scene: Scene, room: Room, *, now: datetime) -> DecisionFacts:
    """All inputs of the verdict on one ask, with the room that there is for it."""
    return facts_of_ask(
        scene,
        each.ask,
        purpose=each.purpose,
        scored_code=each.scored_code,
        taken=room.taken,
        fund_available_micro_usd=room.fund_available_micro_usd,
        now=now,
    )


def decided_of(each: Checked, scene: Scene, facts: DecisionFacts) -> Decided:
    """The verdict on one ask by these facts."""
    verdict = decide(scene.policy.terms, facts)
    return Decided(of=each, facts=facts, verdict=verdict, grant=grant_by(verdict, each.ask.model_class))


def within_budget(decided: Decided, scene: Scene, room: Room, unit: Unit, remaining_steps: int) -> Decided | None:
    """The same ask in this room for no more than its budget has left in a unit; None where that is not worth granting.

    Less may find room in a region that comes first in the order, at another price: then it is looked for again.
    """
    if decided.grant is None or (decided.facts.least_tokens or 1) >= decided.facts.tokens:
        return None
    facts = facts_of(decided.of, scene, room, now=decided.facts.made_at)
    smaller, at_most = decided_of(decided.of, scene, facts), decided.grant.tokens
    while smaller.grant is not None:
        if smaller.grant.tokens <= at_most and smaller.grant.amounts.of(unit) <= remaining_steps:
            return smaller
        most = min(at_most, smaller.grant.tokens)
        payable = _payable_tokens(scene, facts, smaller.grant.candidate, most, unit, remaining_steps)
        if payable is None:
            return None
        smaller, at_most = decided_of(decided.of, scene, replace(facts, payable_tokens=payable)), payable
    return None


def _payable_tokens(
    scene: Scene, facts: DecisionFacts, candidate: Candidate, most: int, unit: Unit, remaining_steps: int
) -> int | None:
    """How many tokens such an amount pays here, up to `most`; None where it does not pay the least."""

    def pays(tokens: int) -> bool:
        cost, print_ = price_of(
            scene.policy.terms, facts, candidate, tokens, fund_available_micro_usd=facts.fund_available_micro_usd
        )
        return _amounts(tokens, cost, print_).of(unit) <= remaining_steps

    least = facts.least_tokens or 1
    if least > most or not pays(least):
        return None
    # Whatever it is counted in, more tokens take more: half the rest at a time.
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if pays(middle) else (least, middle - 1)
    return least


def grant_by(verdict: Verdict, model_class: str) -> Grant | None:
    """What a verdict grants; None where that is nothing."""
    if verdict.chosen is None or verdict.price is None or verdict.footprint is None:
        return None
    return Grant(
        tokens=verdict.granted_tokens,
        place=(verdict.chosen.code, model_class),
        candidate=verdict.chosen,
        price=verdict.price,
        footprint=verdict.footprint,
        amounts=_amounts(verdict.granted_tokens, verdict.price, verdict.footprint),
    )


def _amounts(tokens: int, cost: Price, print_: Footprint) -> Amounts:
    return promised_amounts(
        tokens=tokens,
        location_g=print_.location_g_central,
        total_micro_usd=cost.total,
        energy_wh=print_.energy_wh_central,
    )
