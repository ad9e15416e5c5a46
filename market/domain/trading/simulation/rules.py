"""A policy as the simulation needs it, and what stands behind each team's offers in an hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from market.domain.placement.problem import Ints
from market.domain.policy import PolicyTerms
from market.domain.trading.buyers import buyer_facts
from market.domain.trading.clean import DECLARED, Site, clean_facts
from market.domain.trading.instruments import Contract
from market.domain.trading.rates import Need
from market.domain.trading.reference import service_ticks
from market.domain.trading.simulation.inputs import Inputs, SimulatedTeam

MODEL_CLASS = "L"
MEASURED = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A policy as the simulation needs it. `weights` and `needs` by team."""

    terms: PolicyTerms
    contract: Contract
    service_ticks: int
    needs: tuple[Need, ...]
    weights: Ints

    @property
    def is_feebate(self) -> bool:
        """Whether need is balanced within each call rather than out of the Fund."""
        return self.terms.justice.kind == "feebate"


def rules_of(inputs: Inputs, terms: PolicyTerms) -> Rules:
    """The instrument, its price as a service, and every team's need and weight under a policy."""
    lot_units = terms.market.lot_tokens[MODEL_CLASS]
    facts = [
        buyer_facts(team.country.code, team.country, mean_score=None, emergencies=(), terms=terms)
        for team in inputs.teams
    ]
    return Rules(
        terms=terms,
        contract=Contract(
            unit=Unit.TOKENS,
            model_class=MODEL_CLASS,
            period=Period.WEEK,
            starts_at=inputs.starts_at,
            ends_at=inputs.starts_at + timedelta(weeks=1),
            lot_units=lot_units,
        ),
        service_ticks=service_ticks(unit=Unit.TOKENS, model_class=MODEL_CLASS, lot_units=lot_units, terms=terms),
        needs=tuple(
            Need(score=each.need_score, is_global_south=team.country.is_global_south)
            for each, team in zip(facts, inputs.teams, strict=True)
        ),
        weights=np.array([each.weight_ppm for each in facts], dtype=np.int64),
    )


def supply_of(inputs: Inputs, rules: Rules, hour: int) -> tuple[Ints, Ints]:
    """What a lot from each team's region emits in this hour (micrograms) and its carbon adder (ticks)."""
    facts = [
        clean_facts(
            region_id=None,
            basis=DECLARED,
            site=_site(team, float(inputs.intensity[index, hour])),
            contract=rules.contract,
            terms=rules.terms,
        )
        for index, team in enumerate(inputs.teams)
    ]
    return np.array([each.lot_ug for each in facts]), np.array([each.adder_ticks for each in facts])


def _site(team: SimulatedTeam, intensity: float) -> Site:
    return Site(pue=team.pue, cfe_share=team.cfe_share, intensity_g_per_kwh=intensity, basis=MEASURED)
