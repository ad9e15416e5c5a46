"""What forms of the market offer: the budgets of the team that the viewer trades for."""

from __future__ import annotations

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.selectors import list_budgets
from dashboard.domain.figures import usd, whole
from dashboard.domain.sight import Sight

UNIT_WORDS = {Unit.TOKENS: "tokens", Unit.CARBON_G: "g CO₂e", Unit.ENERGY_WH: "Wh"}


Choices = list[tuple[str, str]]


def list_own_budgets(sight: Sight) -> Choices:
    """Ids and words of the budgets whose quota the viewer's team may trade. None trade for rolling periods or money."""
    return list_own_choices(sight)[0]


def list_own_purses(sight: Sight) -> Choices:
    """Ids and words of the team's budgets in US$."""
    return list_own_choices(sight)[1]


def list_own_choices(sight: Sight) -> tuple[Choices, Choices]:
    """Both, for a page that shows both: read at once."""
    if sight.trading_team_id is None:
        return [], []
    states = list_budgets(team_ids=frozenset({sight.trading_team_id}))
    quota = [
        (str(state.id), f"{state.name}: {whole(state.available)} {UNIT_WORDS[state.unit]} left, {state.period}")
        for state in states
        if state.unit in UNIT_WORDS and state.period != Period.ROLLING
    ]
    purses = [
        (str(state.id), f"{state.name}: {usd(int(state.available))} left, {state.period}")
        for state in states
        if state.unit == Unit.MICRO_USD
    ]
    return quota, purses
