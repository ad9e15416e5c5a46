"""Energy and carbon of a grant, with their range and their honest words."""

from __future__ import annotations

from dataclasses import dataclass

from climate.domain.carbon import location_g
from climate.domain.energy import energy_wh
from climate.domain.interval import Interval
from market.domain.facts import Candidate, DecisionFacts
from market.domain.policy import PolicyTerms


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


def footprint(terms: PolicyTerms, facts: DecisionFacts, candidate: Candidate, tokens: int) -> Footprint:
    """Footprint of `tokens` of this request at a candidate."""
    energy = _energy(terms, facts, candidate, tokens)
    carbon = location_g(energy, _intensity(candidate))
    avoided = None
    if facts.home is not None:
        at_home = location_g(_energy(terms, facts, facts.home, tokens), _intensity(facts.home))
        avoided = at_home.central - carbon.central
    return Footprint(
        energy_wh_low=energy.low,
        energy_wh_central=energy.central,
        energy_wh_high=energy.high,
        location_g_low=carbon.low,
        location_g_central=carbon.central,
        location_g_high=carbon.high,
        market_g=carbon.central * (1 - (candidate.contracted_cfe_share or 0.0)),
        avoided_g=avoided,
        notes=_notes(terms, facts, candidate),
    )


def _energy(terms: PolicyTerms, facts: DecisionFacts, candidate: Candidate, tokens: int) -> Interval:
    if terms.flat_kwh_per_token is not None:
        return Interval.exactly(float(terms.flat_kwh_per_token * tokens * 1000))
    # Where the split is unknown every token counts as output: the dearer kind, so never too little.
    given = min(facts.input_tokens or 0, tokens)
    return energy_wh(facts.model_class, input_tokens=given, output_tokens=tokens - given, pue=candidate.pue)


def _intensity(candidate: Candidate) -> Interval:
    central = candidate.intensity_g_per_kwh
    low = central if candidate.low_g_per_kwh is None else min(candidate.low_g_per_kwh, central)
    high = central if candidate.high_g_per_kwh is None else max(candidate.high_g_per_kwh, central)
    return Interval(low=low, central=central, high=high)


def _notes(terms: PolicyTerms, facts: DecisionFacts, candidate: Candidate) -> tuple[str, ...]:
    notes = []
    if terms.flat_kwh_per_token is not None:
        notes.append(f"Energy is the policy's flat {terms.flat_kwh_per_token:f} kWh a token, not a measurement.")
    else:
        if facts.input_tokens is None:
            notes.append("The split into input and output is not known: all tokens count as output.")
        if candidate.pue_is_assumed:
            notes.append(f"The region's PUE is not known: {candidate.pue:g} is assumed.")
    if candidate.contracted_cfe_share is None:
        notes.append("No contracted supply is known here: the market-based figure is the location-based one.")
    return tuple(notes)
