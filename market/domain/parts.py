"""Grants that are served in several regions or hours: decided, priced and settled part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from market.domain.facts import Candidate, DecisionFacts
from market.domain.footprint import Footprint, Split
from market.domain.policy import PolicyTerms
from market.domain.price import Price
from market.domain.verdict import Verdict, decide, price_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Tokens of one grant in one region and hour, and what the Fund keeps for them in micro-USD."""

    region: str
    starts_at: datetime
    tokens: int
    from_fund_micro_usd: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives back an equal object."""
        return {**asdict(self), "starts_at": self.starts_at.isoformat()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Part:
        """A part as it was stored with its decision."""
        return cls(**{**stored, "starts_at": datetime.fromisoformat(stored["starts_at"])})


def decide_parts(terms: PolicyTerms, facts: DecisionFacts, parts: Sequence[Part]) -> Verdict:
    """The verdict on a split request: price and footprint are the sums, region and hour those of the largest part.

    `facts` has the cell of each part among its candidates, with the room that a plan keeps there.
    Refused as a whole where one part is.
    """
    verdicts = [decide(terms, facts_of_part(facts, part)) for part in parts]
    refused = next((each for each in verdicts if each.chosen is None), None)
    if refused is not None:
        return refused
    largest = max(verdicts, key=lambda each: each.granted_tokens)
    tokens = sum(each.granted_tokens for each in verdicts)
    return replace(
        largest,
        outcome="granted" if tokens == facts.tokens else "partial",
        granted_tokens=tokens,
        price=sum_prices([each.price for each in verdicts if each.price]),
        footprint=sum_footprints([each.footprint for each in verdicts if each.footprint]),
        looked_at=tuple(looked for each in verdicts for looked in each.looked_at),
    )


def price_of_parts(
    terms: PolicyTerms,
    facts: DecisionFacts,
    parts: Sequence[Part],
    used_tokens: int,
    *,
    fund_available_micro_usd: int,
    split: Split | None = None,
) -> tuple[Price, Footprint]:
    """Price and footprint of what was used of a split grant: its parts are filled in the order of their hours.

    A reported `split` into input and output counts where one part served all: which part had what is not known.
    """
    served = list(filled(parts, used_tokens))
    known = split if len(served) == 1 else None
    prices: list[Price] = []
    prints: list[Footprint] = []
    for part, tokens in served:
        available = fund_available_micro_usd - sum(each.from_fund for each in prices)
        cost, print_ = price_of(
            terms, facts, cell_of(facts, part), tokens, fund_available_micro_usd=available, split=known
        )
        prices.append(cost)
        prints.append(print_)
    return sum_prices(prices), sum_footprints(prints)


def filled(parts: Sequence[Part], used_tokens: int) -> Iterator[tuple[Part, int]]:
    """Parts with what was used of each, in the order of their hours; the last takes what is beyond the grant.

    One part at least, so that nothing used has a price too: zero.
    """
    ordered = sorted(parts, key=lambda each: (each.starts_at, each.region))
    left = used_tokens
    for index, part in enumerate(ordered):
        is_last = index == len(ordered) - 1
        tokens = left if is_last else min(left, part.tokens)
        if tokens or index == 0:
            yield part, tokens
        left -= tokens


def unused(parts: Sequence[Part], tokens: int) -> Iterator[tuple[Part, int]]:
    """Where the room of `tokens` that were not used comes back: from the last hour on backwards."""
    for part in sorted(parts, key=lambda each: (each.starts_at, each.region), reverse=True):
        freed = min(tokens, part.tokens)
        if freed:
            yield part, freed
        tokens -= freed


def facts_of_part(facts: DecisionFacts, part: Part) -> DecisionFacts:
    """The same facts with one part's cell as the only candidate."""
    return replace(facts, candidates=(cell_of(facts, part),), fund_available_micro_usd=part.from_fund_micro_usd)


def cell_of(facts: DecisionFacts, part: Part) -> Candidate:
    """The candidate that serves a part."""
    return next(each for each in facts.candidates if (each.code, each.starts_at) == (part.region, part.starts_at))


def sum_prices(prices: Sequence[Price]) -> Price:
    """Component by component; the factors are those of the dearest part."""
    dearest = max(prices, key=lambda each: each.service)
    sums = {name: sum(getattr(each, name) for each in prices) for name in _MONEY}
    return replace(dearest, **sums)


def sum_footprints(prints: Sequence[Footprint]) -> Footprint:
    """Wh and grams add up; what is avoided is unknown where it is of any part."""
    sums: dict[str, Any] = {name: _sum([getattr(each, name) for each in prints]) for name in _FIGURES}
    return replace(prints[0], **sums)


_MONEY = ("service", "carbon", "justice", "renewable", "from_fund")
_FIGURES = tuple(each.name for each in fields(Footprint) if each.name != "notes")


def _sum(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return sum(known) if len(known) == len(values) else None
