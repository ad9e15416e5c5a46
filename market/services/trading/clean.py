"""Which region is behind an offer, and what that costs."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from django.db.models import Sum

from climate import selectors as climate
from climate.domain.ladder import floor_hour
from climate.domain.places import RegionFacts
from climate.domain.signal import Signal
from config.kernel.errors import InvalidInput, NotFound
from market.domain.policy import PolicyTerms
from market.domain.trading.clean import DECLARED, HISTORY, UNKNOWN, CleanFacts, clean_facts, not_below, site_of
from market.domain.trading.instruments import Contract
from market.models import Settlement

HISTORY_DAYS = 30


def clean_facts_of(
    *, team_id: int, region_code: str | None, contract: Contract, terms: PolicyTerms, now: datetime
) -> CleanFacts:
    """The region behind an offer with its carbon-free share, intensity and carbon adder in this hour.

    The named region, if the team ran work there in the last 30 days (`history`) or ran nothing at all
    (`declared`: a word that nothing bears out pays at least the adder of an unknown region); without a name
    the region where most of its tokens ran (`history`); else none (`unknown`).
    Raises InvalidInput naming `region`: `not_behind` where the team has run work, but not there.
    """
    ran = tokens_by_region(team_id, now=now)
    code, basis = _behind(region_code, ran)
    region, signal = _place(code, terms, now) if code else (None, None)
    facts = clean_facts(
        region_id=region.code if region else None,
        basis=basis if region else UNKNOWN,
        site=site_of(region, signal, default_pue=terms.default_pue),
        contract=contract,
        terms=terms,
    )
    if facts.basis != DECLARED:
        return facts
    unknown = site_of(None, None, default_pue=terms.default_pue)
    return not_below(facts, clean_facts(region_id=None, basis=UNKNOWN, site=unknown, contract=contract, terms=terms))


def tokens_by_region(team_id: int, *, now: datetime) -> Counter[str]:
    """Tokens that the team's settled work used by region, in the last 30 days. Two queries.

    Split work counts with the tokens that each of its parts was granted.
    """
    settled = Settlement.objects.filter(
        request__team=team_id, request__is_simulated=False, settled_at__gt=now - timedelta(days=HISTORY_DAYS)
    )
    whole = settled.filter(decision__parts__isnull=True, decision__region__isnull=False)
    sums = whole.order_by().values_list("decision__region").annotate(tokens=Sum("used_tokens"))
    found: Counter[str] = Counter(dict(sums))
    for parts in settled.filter(decision__parts__isnull=False).values_list("decision__parts", flat=True):
        for part in parts or []:
            found[part["region"]] += part["tokens"]
    return found


def _behind(named: str | None, ran: Counter[str]) -> tuple[str | None, str]:
    if named is None:
        return (min(ran, key=lambda code: (-ran[code], code)), HISTORY) if ran else (None, UNKNOWN)
    if ran and named not in ran:
        where = ", ".join(code for code, _ in ran.most_common(3))
        raise InvalidInput(
            f"No work of your team ran in this region in the last {HISTORY_DAYS} days. It ran in: {where}.",
            field="region",
            code="not_behind",
        )
    return named, HISTORY if ran else DECLARED


def _place(code: str, terms: PolicyTerms, now: datetime) -> tuple[RegionFacts, Signal]:
    try:
        region = climate.get_region(code)
    except NotFound as missing:
        raise InvalidInput("There is no such region.", field="region", code="unknown_region") from missing
    hour = floor_hour(now)
    signals = climate.list_signals(
        zone_codes=[region.zone], hours=[hour], now=now, maximum_age_minutes=terms.maximum_age_minutes
    )
    return region, signals[region.zone, hour]
