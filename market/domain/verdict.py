"""The verdict on one request: where, when, how much, at what price, and why.

Pure and deterministic: the same facts and terms give the same verdict, so that a stored decision
can be computed again at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from market.domain.facts import Candidate, DecisionFacts
from market.domain.footprint import Footprint, Split, footprint
from market.domain.justice import NeedScore, Weight, need_score, weigh
from market.domain.policy import PolicyTerms
from market.domain.price import Price, PriceInputs, price
from market.domain.sifting import NOT_CLEAN, Looked, sift

ABOVE_CAP = "above the price cap"
NOT_BETTER = {True: "not cleaner", False: "behind it in the order asked for"}
"""What is said of those that were not needed: where the cleanest is taken, and where an order was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided. `chosen`, `starts_at`, `price` and `footprint` are None where nothing was granted.

    `chosen.starts_at` is the hour whose capacity serves; `starts_at` is when the work may begin in it.
    """

    outcome: str
    granted_tokens: int
    chosen: Candidate | None
    starts_at: datetime | None
    price: Price | None
    footprint: Footprint | None
    weight: Weight
    need: NeedScore
    looked_at: tuple[Looked, ...]
    reasons: tuple[str, ...]


def keep_best(facts: DecisionFacts, at_most: int) -> DecisionFacts:
    """The same facts with at most so many candidates: of those that may serve, the cleanest with room first.

    A flexible request has thousands of region-hours; storing them all would explain nothing.
    `left_out` counts what was set aside.
    """
    if len(facts.candidates) <= at_most:
        return facts
    within_reach, _ = sift(facts)
    # Where nothing may serve, the cleanest are kept all the same: they are what the refusal is explained by.
    may_serve = within_reach or facts.candidates
    ranked = sorted(may_serve, key=lambda each: (each.free_tokens < facts.tokens, *_greenest_first(each)))
    kept = tuple(ranked[:at_most])
    return replace(facts, candidates=kept, left_out=len(facts.candidates) - len(kept))


def decide(terms: PolicyTerms, facts: DecisionFacts) -> Verdict:
    """Grant all in the cleanest eligible region with room; else the most that fits; else refuse with reasons.

    Where the facts have an order of regions, the first of it takes the place of the cleanest and of the roomiest.
    """
    need, weight = _standing(terms, facts)
    within_reach, looked = sift(facts)
    ranked = _ranked(facts, within_reach)
    for whole in (True, False):
        for candidate in ranked if whole else _in_part(facts, ranked):
            offer = _offer(terms, facts, need, candidate, whole=whole)
            if isinstance(offer, str):
                if whole:
                    looked.append(Looked(code=candidate.code, starts_at=candidate.starts_at, outcome=offer))
                continue
            return _granted(facts, weight, need, candidate, offer, looked, ranked)
    refused = without_grant(terms, facts, outcome="denied", reasons=_why_not(facts, looked))
    return replace(refused, looked_at=tuple(looked))


def without_grant(terms: PolicyTerms, facts: DecisionFacts, *, outcome: str, reasons: tuple[str, ...]) -> Verdict:
    """A verdict that grants nothing: queued or denied, with the weight that the request has."""
    need, weight = _standing(terms, facts)
    return Verdict(
        outcome=outcome,
        granted_tokens=0,
        chosen=None,
        starts_at=None,
        price=None,
        footprint=None,
        weight=weight,
        need=need,
        looked_at=(),
        reasons=reasons,
    )


def refused_by_budget(verdict: Verdict, reason: str) -> Verdict:
    """A denial for want of budget: what it would have had stays in the inputs."""
    return replace(
        verdict,
        outcome="denied",
        granted_tokens=0,
        chosen=None,
        starts_at=None,
        price=None,
        footprint=None,
        reasons=(reason,),
    )


def _standing(terms: PolicyTerms, facts: DecisionFacts) -> tuple[NeedScore, Weight]:
    need = need_score(facts.scored_country)
    weight = weigh(
        priority=facts.priority,
        country=facts.scored_country,
        score=need.score,
        home_renewable_share=facts.home_renewable_share,
        emergency_multiplier=facts.emergency_multiplier,
        terms=terms,
    )
    return need, weight


def price_of(
    terms: PolicyTerms,
    facts: DecisionFacts,
    candidate: Candidate,
    tokens: int,
    *,
    fund_available_micro_usd: int,
    split: Split | None = None,
) -> tuple[Price, Footprint]:
    """Price and footprint of `tokens` of this request at a candidate; used for grants and for settlement."""
    print_ = footprint(terms, facts, candidate, tokens, split)
    share = candidate.renewable_share if terms.renewable_share_of == "grid" else candidate.contracted_cfe_share
    inputs = PriceInputs(
        tokens=tokens,
        model_class=facts.model_class,
        energy_wh=print_.energy_wh_central,
        location_g=print_.location_g_central,
        utilisation=candidate.utilisation,
        window_hours=facts.window_hours,
        need_score=need_score(facts.scored_country).score,
        mean_need_score=facts.mean_need_score,
        is_global_south=facts.scored_country.is_global_south,
        renewable_share=share,
        fund_available_micro_usd=fund_available_micro_usd,
    )
    return price(terms, inputs), print_


def _offer(
    terms: PolicyTerms, facts: DecisionFacts, need: NeedScore, candidate: Candidate, *, whole: bool
) -> tuple[int, Price, Footprint] | str:
    """What the candidate could grant, or why it cannot."""
    tokens = min(facts.wanted_tokens, candidate.free_tokens)
    if tokens == 0:
        return "full in this hour" if candidate.capacity_tokens else "out of service in this hour"
    if tokens < (facts.wanted_tokens if whole else facts.least_tokens or 0):
        return f"only {tokens} tokens free in this hour"
    cost, print_ = price_of(terms, facts, candidate, tokens, fund_available_micro_usd=facts.fund_available_micro_usd)
    if facts.price_cap_micro_usd is not None and cost.total > facts.price_cap_micro_usd:
        return f"{ABOVE_CAP}: {cost.total} micro-USD"
    return tokens, cost, print_


def _greenest_first(candidate: Candidate) -> tuple[float, float, datetime, str]:
    return (candidate.grid_g_per_it_kwh, candidate.distance_km or 0.0, candidate.starts_at, candidate.code)


def _ranked(facts: DecisionFacts, candidates: list[Candidate]) -> list[Candidate]:
    """The best first: in the order that the facts have, else the cleanest."""
    if facts.preferred is None:
        return sorted(candidates, key=_greenest_first)
    place = {code: index for index, code in enumerate(facts.preferred)}
    return sorted(candidates, key=lambda each: (place.get(each.code, len(place)), *_greenest_first(each)))


def _in_part(facts: DecisionFacts, ranked: list[Candidate]) -> list[Candidate]:
    """The order in which a part is granted: most room first, unless an order was asked for."""
    return ranked if facts.preferred is not None else sorted(ranked, key=lambda each: -each.free_tokens)


def _granted(
    facts: DecisionFacts,
    weight: Weight,
    need: NeedScore,
    candidate: Candidate,
    offer: tuple[int, Price, Footprint],
    looked: list[Looked],
    ranked: list[Candidate],
) -> Verdict:
    tokens, cost, print_ = offer
    outcome = "granted" if tokens == facts.tokens else "partial"
    seen = {(each.code, each.starts_at) for each in looked}
    looked.append(Looked(code=candidate.code, starts_at=candidate.starts_at, outcome="chosen"))
    looked += [
        Looked(code=each.code, starts_at=each.starts_at, outcome=NOT_BETTER[facts.preferred is None])
        for each in ranked
        if each is not candidate and (each.code, each.starts_at) not in seen
    ]
    reasons = [_why_here(facts, ranked, candidate, tokens)]
    if facts.residency is not None:
        reasons.append(f"Its data may not leave {', '.join(facts.residency)}.")
    if facts.min_cfe_share is not None:
        reasons.append(f"Carbon-free share {candidate.clean_share:.0%}, demanded {facts.min_cfe_share:.0%}.")
    return Verdict(
        outcome=outcome,
        granted_tokens=tokens,
        chosen=candidate,
        starts_at=max(candidate.starts_at, facts.earliest_at, facts.made_at),
        price=cost,
        footprint=print_,
        weight=weight,
        need=need,
        looked_at=tuple(looked),
        reasons=(*reasons, *cost.notes, *print_.notes, *need.flags),
    )


def _why_here(facts: DecisionFacts, ranked: list[Candidate], candidate: Candidate, tokens: int) -> str:
    """What speaks for the chosen one, and why less than everything was granted."""
    if tokens == facts.wanted_tokens:
        compared = _compared(facts, ranked) if facts.preferred is None else _ordered(facts, ranked, candidate)
        if tokens == facts.tokens:
            return compared
        return f"{compared} Its budget can pay for {tokens} of the {facts.tokens} tokens asked for."
    why = "has the most" if facts.preferred is None else "is the first in the order asked for with enough"
    return f"No region within reach has {facts.wanted_tokens} tokens free; this one {why}."


def _ordered(facts: DecisionFacts, ranked: list[Candidate], candidate: Candidate) -> str:
    """Of how many with room the chosen one comes first in the order asked for, and whether it is the cleanest too."""
    roomy = [each for each in ranked if each.free_tokens >= facts.wanted_tokens]
    words = f"First in the order asked for of the {len(roomy)} regions within reach with room for it"
    is_cleanest = min(roomy, key=_greenest_first) is candidate
    return f"{words}, and the cleanest of them." if is_cleanest else f"{words}, not the cleanest of them."


def _compared(facts: DecisionFacts, ranked: list[Candidate]) -> str:
    """Of how many with room the chosen one is the cleanest."""
    roomy = [each for each in ranked if each.free_tokens >= facts.tokens]
    what = "regions" if len({each.starts_at for each in roomy}) == 1 else "region-hours"
    words = f"Cleanest of the {len(roomy)} {what} within reach with room for it."
    return f"{words} {facts.left_out} more were set aside as dirtier, fuller or too far." if facts.left_out else words


def _why_not(facts: DecisionFacts, looked: list[Looked]) -> tuple[str, ...]:
    if not facts.candidates:
        return (f"No active region has capacity for model class {facts.model_class}.",)
    if not looked:
        return ("None of the eligible regions is active with capacity for this model class.",)
    costs = [int(each.outcome.split()[-2]) for each in looked if each.outcome.startswith(ABOVE_CAP)]
    counts: dict[str, int] = {}
    for each in looked:
        outcome = ABOVE_CAP if each.outcome.startswith(ABOVE_CAP) else each.outcome
        counts[outcome] = counts.get(outcome, 0) + 1
    what = "region" if len({each.starts_at for each in looked}) == 1 else "region-hour"
    reasons = [f"{count} {what}{'s' * (count > 1)}: {outcome}." for outcome, count in sorted(counts.items())]
    shares = [share for each in facts.candidates if (share := each.clean_share) is not None]
    if shares and any(each.outcome.startswith(NOT_CLEAN) for each in looked):
        reasons.append(f"The highest carbon-free share that is known is {max(shares):.0%}.")
    if costs:
        reasons.append(f"The cheapest would cost {min(costs) / 1_000_000:.6f} US$.")
    return tuple(reasons)
