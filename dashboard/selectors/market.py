"""What forms of the market offer: the budgets of the team that the viewer trades for."""

from __future__ import annotations

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.selectors import list_budgets
from dashboard.domain.figures import usd, whole
from dashboard.domain.sight import Sight

UNIT_WORDS = {Unit.TOKENS: "tokens", Unit.CARBON_G: "g CO₂e", Unit.ENERGY_WH: "Wh"}


def list_own_budgets(sight: Sight) -> list[tuple[str, str]]:
    """Ids and words of the budgets whose quota the viewer's team may trade. None trade for rolling periods or money."""
    if sight.trading_team_id is None:
        return []
    return [
        (str(state.id), f"{state.name}: {whole(state.available)} {UNIT_WORDS[state.unit]} left, {state.period}")
        for state in list_budgets(team_ids=frozenset({sight.trading_team_id}))
        if state.unit in UNIT_WORDS and state.period != Period.ROLLING
    ]


def list_own_purses(sight: Sight) -> list[tuple[str, str]]:
    """Ids and words of the team's budgets in US$."""
    if sight.trading_team_id is None:
        return []
    return [
        (str(state.id), f"{state.name}: {usd(int(state.available))} left, {state.period}")
        for state in list_budgets(team_ids=frozenset({sight.trading_team_id}))
        if state.unit == Unit.MICRO_USD
    ]
