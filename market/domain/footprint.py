"""Energy and carbon of a grant, with their range and their honest words."""

from __future__ import annotations

from dataclasses import dataclass

from climate.domain.carbon import location_g, market_based
from climate.domain.energy import energy_wh
from climate.domain.interval import Interval
from market.domain.facts import Candidate, DecisionFacts
from market.domain.policy import PolicyTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How used tokens were really divided, as a provider reports it. `cached_tokens` are part of `input_tokens`."""

    input_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Energy at the meter in Wh, carbon in g CO2e. `avoided_g` is against "run now at home region".

    `market_g` is the market-based figure; where no contract is known it equals the location-based
    one and `notes` say so. `avoided_g` None: there is no home region to compare with.
    """

    energy_wh_low: float
    energy_wh_central: float
    energy_wh_high: float
    location_g_low: float
    location_g_central: float
    location_g_high: float
    market_g: float
    avoided_g: float | None
    notes: tuple[str, ...]


def footprint(
    terms: PolicyTerms, facts: DecisionFacts, candidate: Candidate, tokens: int, split: Split | None = None
) -> Footprint:
    """Footprint of `tokens` of this request at a candidate; divided as `split` says, else as was asked for."""
    energy = _energy(terms, facts, candidate, tokens, split)
    carbon = location_g(energy, _intensity(candidate))
    avoided = None
    if facts.home is not None:
        at_home = location_g(_energy(terms, facts, facts.home, tokens, split), _intensity(facts.home))
        avoided = at_home.central - carbon.central
    return Footprint(
        energy_wh_low=energy.low,
        energy_wh_central=energy.central,
        energy_wh_high=energy.high,
        location_g_low=carbon.low,
        location_g_central=carbon.central,
        location_g_high=carbon.high,
        market_g=_market_g(energy.central / 1000, candidate),
        avoided_g=avoided,
        notes=_notes(terms, facts, candidate, split),
    )


def _energy(
    terms: PolicyTerms, facts: DecisionFacts, candidate: Candidate, tokens: int, split: Split | None
) -> Interval:
    if terms.flat_kwh_per_token is not None:
        return Interval.exactly(float(terms.flat_kwh_per_token * tokens * 1000))
    if split is not None:
        return energy_wh(
            facts.model_class,
            input_tokens=split.input_tokens - split.cached_tokens,
            cached_tokens=split.cached_tokens,
            output_tokens=tokens - split.input_tokens,
            pue=candidate.pue,
        )
    output = _output(facts, tokens)
    return energy_wh(facts.model_class, input_tokens=tokens - output, output_tokens=output, pue=candidate.pue)


def _output(facts: DecisionFacts, tokens: int) -> int:
    """How many of `tokens` count as output, the dearer kind: never too few.

    All of them where the split is unknown; of a part of the request its output first; what goes
    beyond the request is output.
    """
    if facts.input_tokens is None:
        return tokens
    asked_output = facts.tokens - facts.input_tokens
    return max(min(tokens, asked_output), tokens - facts.input_tokens)


def _market_g(energy_kwh: float, candidate: Candidate) -> float:
    """Contracted supply of the hour first; the rest at the location intensity, as no residual mix is loaded."""
    contracted_kwh = energy_kwh * (candidate.contracted_cfe_share or 0.0)
    residual = [candidate.intensity_g_per_kwh]
    return market_based(energy_kwh=[energy_kwh], contracted_kwh=[contracted_kwh], residual_g_per_kwh=residual).grams


def _intensity(candidate: Candidate) -> Interval:
    central = candidate.intensity_g_per_kwh
    low = central if candidate.low_g_per_kwh is None else min(candidate.low_g_per_kwh, central)
    high = central if candidate.high_g_per_kwh is None else max(candidate.high_g_per_kwh, central)
    return Interval(low=low, central=central, high=high)


def _notes(terms: PolicyTerms, facts: DecisionFacts, candidate: Candidate, split: Split | None) -> tuple[str, ...]:
    notes = []
    if terms.flat_kwh_per_token is not None:
        notes.append(f"Energy is the policy's flat {terms.flat_kwh_per_token:f} kWh a token, not a measurement.")
    else:
        if facts.input_tokens is None and split is None:
            notes.append("The split into input and output is not known: all tokens count as output.")
        if candidate.pue_is_assumed:
            notes.append(f"The region's PUE is not known: {candidate.pue:g} is assumed.")
    if candidate.contracted_cfe_share is None:
        notes.append("No contracted supply is known here: the market-based figure is the location-based one.")
    else:
        notes.append("No residual mix is known: what contracts do not cover counts at the location intensity.")
    return tuple(notes)
