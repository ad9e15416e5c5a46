"""Need scores and weights: who goes first, and what justice does to a price.

Formulas: DOMAIN of the product, restated in docs/methodology.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from climate.domain.places import CountryFacts, EmergencyFacts
from market.domain.policy import PolicyTerms

HIGH_INCOME_FROM_USD = 13_935
LOW_INCOME_TO_USD = 1_135
INCOME_BY_GROUP = {"low": 1.0, "lower_middle": 0.725, "upper_middle": 0.226, "high": 0.0}
"""Where GNI is unknown: the score at the geometric mean of the World Bank group's bounds."""
PROXY_VULNERABILITY = 0.75
"""For members of the UN's LDC or SIDS lists without an imported figure; always flagged."""
SUSTAINABLE_T_PER_CAPITA = 4.7


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedScore:
    """Need 0..1 (None: nothing is known), its pillars, and what was missing or stood in."""

    score: float | None
    income: float | None
    vulnerability: float | None
    responsibility: float | None
    flags: tuple[str, ...]


def need_score(country: CountryFacts) -> NeedScore:
    """`0.5 income + 0.3 vulnerability + 0.2 responsibility`; a missing pillar is dropped, the rest renormalised."""
    flags: list[str] = []
    income = _income(country, flags)
    vulnerability = _vulnerability(country, flags)
    responsibility = None
    if country.co2_t_per_capita is None:
        flags.append("Need score: responsibility is unknown.")
    else:
        responsibility = _clamp(1 - country.co2_t_per_capita / SUSTAINABLE_T_PER_CAPITA)
    pillars = [(0.5, income), (0.3, vulnerability), (0.2, responsibility)]
    known = [(share, value) for share, value in pillars if value is not None]
    total_share = sum(share for share, _ in known)
    score = sum(share * value for share, value in known) / total_share if known else None
    return NeedScore(
        score=score,
        income=income,
        vulnerability=vulnerability,
        responsibility=responsibility,
        flags=tuple(flags),
    )


def _income(country: CountryFacts, flags: list[str]) -> float | None:
    if country.gni_usd is not None and country.gni_usd > 0:
        return _clamp(
            math.log(HIGH_INCOME_FROM_USD / country.gni_usd) / math.log(HIGH_INCOME_FROM_USD / LOW_INCOME_TO_USD)
        )
    if country.income_group in INCOME_BY_GROUP:
        flags.append("Need score: income is that of the World Bank group.")
        return INCOME_BY_GROUP[country.income_group]
    flags.append("Need score: income is unknown.")
    return None


def _vulnerability(country: CountryFacts, flags: list[str]) -> float | None:
    value = country.vulnerability
    if value is None and (country.is_ldc or country.is_sids):
        flags.append("Need score: vulnerability is a proxy (UN LDC or SIDS list).")
        value = PROXY_VULNERABILITY
    if value is None:
        flags.append("Need score: vulnerability is unknown.")
        return None
    return _clamp((value - 0.25) / 0.40)


def _clamp(value: float) -> float:
    return min(1.0, max(0.0, value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """How much a party (origin and purpose) counts. Never depends on how much it asks for."""

    value: float
    factors: tuple[tuple[str, float], ...]


def weigh(
    *,
    priority: float,
    country: CountryFacts,
    score: float | None,
    home_renewable_share: float | None,
    emergency_multiplier: float,
    terms: PolicyTerms,
) -> Weight:
    """`priority * geographic * (1 + bonus * renewable share of the home grid) * emergency`."""
    factors = [("purpose", priority), ("geographic", _geographic(country, score, terms))]
    if terms.home_grid_bonus and home_renewable_share is not None:
        factors.append(("home_grid", 1 + terms.home_grid_bonus * home_renewable_share))
    if emergency_multiplier != 1.0:
        factors.append(("emergency", emergency_multiplier))
    return Weight(value=math.prod(value for _, value in factors), factors=tuple(factors))


def _geographic(country: CountryFacts, score: float | None, terms: PolicyTerms) -> float:
    if score is not None and score >= terms.high_need_from_score:
        return terms.high_need_multiplier
    if country.is_ldc or country.is_sids:
        return terms.climate_vulnerable_multiplier
    return 1.0


def emergency_multiplier(*, origin: str, purpose: str, emergencies: Sequence[EmergencyFacts]) -> float:
    """The strongest emergency that lifts this purpose for this origin; 1 where none does."""
    lifting = [each.multiplier for each in emergencies if origin in each.country_codes and purpose in each.purposes]
    return max(lifting, default=1.0)
