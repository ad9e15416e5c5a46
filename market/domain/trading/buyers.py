"""What an order carries of its buyer: where it is registered, its need, and what that means for price and share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from climate.domain.places import CountryFacts, EmergencyFacts
from market.domain.justice import need_score, weigh
from market.domain.policy import PolicyTerms
from market.domain.trading.rates import Need, rates_ppm

PPM = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerFacts:
    """`need_score` 0..1, None is unknown. `justice_ppm` what need adds to the price at full factor (below zero: a
    subsidy) and `weight_ppm` the share at the marginal price, as they look when the order comes: the call works
    both out again."""

    origin_code: str
    need_score: float | None = None
    justice_ppm: int = 0
    weight_ppm: int = PPM


def buyer_facts(
    origin_code: str,
    country: CountryFacts | None,
    *,
    mean_score: float | None,
    emergencies: Sequence[EmergencyFacts],
    terms: PolicyTerms,
) -> BuyerFacts:
    """Facts of a buyer that is registered in `country` (None: unknown to the tables, so without need or weight)."""
    if country is None:
        return BuyerFacts(origin_code=origin_code)
    score = need_score(country).score
    need = Need(score=score, is_global_south=country.is_global_south)
    return BuyerFacts(
        origin_code=origin_code,
        need_score=score,
        justice_ppm=rates_ppm(terms, [need], mean_score=mean_score)[0],
        weight_ppm=weight_ppm(country, emergencies, terms),
    )


def weight_ppm(country: CountryFacts | None, emergencies: Sequence[EmergencyFacts], terms: PolicyTerms) -> int:
    """The share of a buyer from this country (None: unknown, one of one) at the marginal price, ppm.

    The geographic multiplier times that of the strongest emergency in force there, whatever purposes it
    lifts: quota is bought before it is known what for.
    """
    if country is None:
        return PPM
    weight = weigh(
        priority=1.0,
        country=country,
        score=need_score(country).score,
        home_renewable_share=None,
        emergency_multiplier=max(
            (each.multiplier for each in emergencies if country.code in each.country_codes), default=1.0
        ),
        terms=terms,
    )
    return max(1, round(weight.value * PPM))
