"""What finished work comes to: price and carbon by the terms of its grant, flows of the Fund, room of its hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from climate.domain.ladder import floor_hour
from config.kernel.errors import InvalidInput
from market.domain.facts import DecisionFacts
from market.domain.footprint import Split
from market.domain.justice import need_score
from market.domain.parts import Part, price_of_parts, unused
from market.domain.policy import PolicyTerms
from market.models import AllocationRequest, Decision, Settlement
from market.selectors.policies import get_policy_version
from market.services.capacity import give_back
from market.services.fund import correct_flows, lock_fund, release_discount, settle_flows

MOST_TIMES_GRANTED = 10  # more is a slip of the keyboard, and would empty the budgets of a whole path


def require_use(used_tokens: int, split: Split | None, *, granted_tokens: int) -> None:
    """Raise InvalidInput unless a grant can have been used so."""
    most = granted_tokens * MOST_TIMES_GRANTED
    if not 0 <= used_tokens <= most:
        raise InvalidInput(
            f"{granted_tokens} tokens were granted; between 0 and {most} can be settled.", field="used_tokens"
        )
    if split is None:
        return
    if not 0 <= split.input_tokens <= used_tokens:
        raise InvalidInput(f"{used_tokens} tokens were used; no more can be input.", field="input_tokens")
    if not 0 <= split.cached_tokens <= split.input_tokens:
        raise InvalidInput(f"{split.input_tokens} tokens are input; no more can be cached.", field="cached_tokens")


def figures_of(
    request: AllocationRequest,
    decision: Decision,
    used_tokens: int,
    *,
    payable_micro_usd: int,
    split: Split | None = None,
) -> dict[str, Any]:
    """Columns of a settlement: price and carbon of what was used, by the facts and terms of the grant.

    `payable_micro_usd` is what the Fund can pay of the discounts, `split` how the tokens were really divided.
    """
    facts = DecisionFacts.from_json(decision.inputs["facts"])
    return settled_figures(
        get_policy_version(decision.policy_id).terms,
        facts,
        parts_of(decision),
        used_tokens,
        payable_micro_usd=facts.fund_available_micro_usd if request.is_simulated else payable_micro_usd,
        split=split,
    )


def settled_figures(
    terms: PolicyTerms,
    facts: DecisionFacts,
    parts: Sequence[Part],
    used_tokens: int,
    *,
    payable_micro_usd: int,
    split: Split | None,
) -> dict[str, Any]:
    """The same of facts and terms that were read."""
    cost, print_ = price_of_parts(
        terms, facts, parts, used_tokens, fund_available_micro_usd=payable_micro_usd, split=split
    )
    return {
        "used_tokens": used_tokens,
        "input_tokens": split and split.input_tokens,
        "cached_tokens": split and split.cached_tokens,
        "service_micro_usd": cost.service,
        "carbon_micro_usd": cost.carbon,
        "justice_micro_usd": cost.justice,
        "renewable_micro_usd": cost.renewable,
        "total_micro_usd": cost.total,
        "from_fund_micro_usd": cost.from_fund,
        "energy_wh": print_.energy_wh_central,
        "location_g": print_.location_g_central,
        "avoided_g": print_.avoided_g,
        "need_score": need_score(facts.scored_country).score,
    }


def payable(decision: Decision, *, was_expired: bool) -> int:
    """What the Fund promised; after the promise expired, what it still has of it. Then its row is locked."""
    promised = decision.fund_reserved_micro_usd
    return min(promised, lock_fund()) if was_expired and promised else promised


def payable_again(decision: Decision, settlement: Settlement) -> int:
    """What the Fund can pay when a settlement is corrected: what it paid, and what it has of its promise."""
    promised = decision.fund_reserved_micro_usd
    return min(promised, settlement.from_fund_micro_usd + lock_fund()) if promised else 0


def set_quality(settlement: Settlement, quality: float | None, collaboration: float | None) -> None:
    """Quality and collaboration as reported, and what the work is worth by them."""
    settlement.quality, settlement.collaboration = quality, collaboration
    if quality is not None:
        settlement.market_value_tokens = settlement.used_tokens * quality * (1 + (collaboration or 0.0))


def parts_of(decision: Decision) -> list[Part]:
    """The regions and hours that serve a grant: one, unless it is split."""
    if decision.parts:
        return [Part.from_json(each) for each in decision.parts]
    if decision.region_id is None or decision.starts_at is None:
        return []
    return [
        Part(
            region=decision.region_id,
            starts_at=floor_hour(decision.starts_at),
            tokens=decision.granted_tokens,
            from_fund_micro_usd=decision.fund_reserved_micro_usd,
        )
    ]


def last_start_of(decision: Decision) -> datetime | None:
    """When the last part of a grant may begin."""
    hours = [part.starts_at for part in parts_of(decision)]
    return max([decision.starts_at, *hours]) if decision.starts_at else None


def free_hours(decision: Decision, request: AllocationRequest, tokens: int, *, now: datetime) -> None:
    """Room that comes back while the hour lasts can serve others; afterwards it is history."""
    freed = list(unused(parts_of(decision), tokens))
    for part, of_part in sorted(freed, key=lambda each: (each[0].region, each[0].starts_at)):  # as everybody locks them
        if part.starts_at >= floor_hour(now):
            give_back(
                region_code=part.region,
                model_class=request.model_class,
                starts_at=part.starts_at,
                tokens=of_part,
            )


def settle_fund(decision: Decision, settlement: Settlement, *, was_expired: bool, actor: str, now: datetime) -> None:
    """Pay the earned discount and take in the premium of a settlement."""
    settle_flows(
        promised_micro_usd=0 if was_expired else decision.fund_reserved_micro_usd,
        paid_micro_usd=settlement.from_fund_micro_usd,
        premium_micro_usd=_premium(settlement),
        request_id=settlement.request_id,
        actor=actor,
        now=now,
    )


def correct_fund(before: Settlement, after: Settlement, *, actor: str, now: datetime) -> None:
    """Move the Fund from what it paid and took for one settlement to what it should have."""
    correct_flows(
        paid_micro_usd=after.from_fund_micro_usd - before.from_fund_micro_usd,
        premium_micro_usd=_premium(after) - _premium(before),
        request_id=after.request_id,
        actor=actor,
        now=now,
    )


def release_fund(decision: Decision, *, actor: str, now: datetime) -> None:
    """Take back the promise of a grant that will not be used."""
    if decision.fund_reserved_micro_usd:
        release_discount(
            micro_usd=decision.fund_reserved_micro_usd, request_id=decision.request_id, actor=actor, now=now
        )


def _premium(settlement: Settlement) -> int:
    return max(0, settlement.justice_micro_usd)
