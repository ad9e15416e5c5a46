"""A verdict in plain words, made from the same facts."""

from __future__ import annotations

from budgets.domain.estimates import Estimate, EstimateBasis
from market.domain.facts import Candidate, DecisionFacts
from market.domain.price import Price
from market.domain.verdict import Verdict

BASIS_WORDS = {
    "live": "live",
    "forecast": "forecast",
    "own_forecast": "our forecast",
    "modelled": "modelled",
    "yearly_zone": "yearly mean of the zone",
    "yearly_country": "yearly mean of the country",
    "world": "world mean",
    "simulated": "simulated",
}


def explain(facts: DecisionFacts, verdict: Verdict, *, policy: str) -> str:
    """One plain paragraph: what, where, why, how much carbon, at what price, under which policy."""
    if verdict.chosen is None or verdict.price is None or verdict.footprint is None:
        return f"Refused: {' '.join(verdict.reasons)} {_weight(verdict)} Policy {policy}."
    chosen, cost, print_ = verdict.chosen, verdict.price, verdict.footprint
    return " ".join(
        (
            f"{_granted(facts, verdict)} in {chosen.city} ({chosen.code}) {_when(facts, verdict)}.",
            f"Its grid {chosen.zone} emits {significant(chosen.intensity_g_per_kwh)} g CO2e/kWh"
            f" ({_provenance(chosen)}). {verdict.reasons[0]}",
            f"The work emits about {significant(print_.location_g_central)} g CO2e"
            f" ({significant(print_.location_g_low)} to {significant(print_.location_g_high)} g).",
            _avoided(facts, print_.avoided_g),
            _weight(verdict),
            _price(cost),
            f"Policy {policy}.",
        )
    )


def explain_estimate(estimate: Estimate, *, input_tokens: int | None) -> str:
    """Where tokens that nobody stated come from, in one sentence."""
    known = f"{input_tokens:,} of input" if input_tokens is not None else "no input named"
    basis = "the documents' figures"
    if estimate.basis is EstimateBasis.LEARNED:
        basis = f"learned from {estimate.outcome_count:,} settled requests"
    return (
        f"Tokens were estimated: {known}, {estimate.p95_tokens:,} beyond it held"
        f" (95th percentile; median {estimate.p50_tokens:,}; {basis})."
    )


def significant(value: float, digits: int = 2) -> str:
    """A figure with two significant digits, without an exponent: 0.0123 as 0.012, 1234 as 1200."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    text = f"{rounded:.15f}".rstrip("0").rstrip(".")
    return text or "0"


def grams(value_g: float) -> str:
    """A mass with two significant digits in the unit in which it reads: 1400 g as 1.4 kg, 0.000014 g as 14 ug."""
    for least, unit in ((1000.0, "kg"), (1.0, "g"), (1e-3, "mg"), (1e-6, "ug")):
        if abs(value_g) >= least:
            return f"{significant(value_g / least)} {unit}"
    return f"{significant(value_g * 1e9)} ng"


def usd(micro_usd: int) -> str:
    """Micro-USD as a decimal string in US$: 1286000 as 1.286000."""
    sign = "-" if micro_usd < 0 else ""
    whole, rest = divmod(abs(micro_usd), 1_000_000)
    return f"{sign}{whole}.{rest:06d}"


def _granted(facts: DecisionFacts, verdict: Verdict) -> str:
    if verdict.outcome == "partial":
        return f"Granted {verdict.granted_tokens:,} of {facts.tokens:,} tokens"
    return f"Granted {verdict.granted_tokens:,} tokens"


def _provenance(chosen: Candidate) -> str:
    word = BASIS_WORDS[chosen.basis]
    return chosen.source if chosen.source.startswith(word) else f"{word}, {chosen.source}"


def _when(facts: DecisionFacts, verdict: Verdict) -> str:
    if verdict.starts_at is None or verdict.starts_at <= facts.made_at:
        return "at once"
    return f"at {verdict.starts_at:%Y-%m-%d %H:%M} UTC"


def _avoided(facts: DecisionFacts, avoided_g: float | None) -> str:
    if avoided_g is None or facts.home is None:
        return "There is no home region to compare with."
    word = "less" if avoided_g >= 0 else "more"
    amount = significant(abs(avoided_g))
    return f"That is {amount} g {word} than running now at the home region {facts.home.code} (estimated, unverified)."


def _weight(verdict: Verdict) -> str:
    factors = " x ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in verdict.weight.factors)
    return f"Weight {verdict.weight.value:g} ({factors})."


def _price(cost: Price) -> str:
    return (
        f"Price {usd(cost.total)} US$: service {usd(cost.service)}, carbon {usd(cost.carbon)},"
        f" justice {usd(cost.justice)}, renewable discount {usd(cost.renewable)}."
    )
